// Verifies an attestation of an image with the npm packages @sigstore/bundle and @sigstore/verify.
//
// usage: node sigstore.cjs BUNDLE KEYS DIGEST
//   BUNDLE  a file with a Sigstore bundle
//   KEYS    a file with the response to GET /v1/attestation-keys, from a source that you trust
//   DIGEST  the digest of the image, sha256:…
const { createPublicKey } = require("node:crypto");
const { readFileSync } = require("node:fs");
const { bundleFromJSON } = require("@sigstore/bundle");
const { Verifier, toSignedEntity } = require("@sigstore/verify");

const [bundlePath, keysPath, digest] = process.argv.slice(2);
const readJson = (path) => JSON.parse(readFileSync(path, "utf8"));

const keys = new Map(readJson(keysPath).keys.map(({ hint, pem }) => [hint, createPublicKey(pem)]));
const trustMaterial = {
  certificateAuthorities: [],
  timestampAuthorities: [],
  tlogs: [],
  ctlogs: [],
  publicKey(hint) {
    if (!keys.has(hint)) throw new Error(`the key ${hint} is not trusted`);
    return { publicKey: keys.get(hint), validFor: () => true };
  },
};

const bundle = bundleFromJSON(readJson(bundlePath));
// The bundles have no transparency log entry and no timestamp.
const verifier = new Verifier(trustMaterial, { tlogThreshold: 0, ctlogThreshold: 0, timestampThreshold: 0 });
verifier.verify(toSignedEntity(bundle));

// The signature is valid. Now check that the statement is about the build of this image.
const { payload, payloadType } = bundle.content.dsseEnvelope;
const statement = JSON.parse(payload.toString("utf8"));
const subject = `sha256:${statement.subject[0].digest.sha256}`;
if (payloadType !== "application/vnd.in-toto+json" || statement.predicateType !== "https://slsa.dev/provenance/v1") {
  throw new Error(`the attestation is a ${payloadType} with a ${statement.predicateType}`);
}
if (subject !== digest) throw new Error(`the attestation is about ${subject}, not about ${digest}`);
console.log(JSON.stringify(statement, null, 2));
