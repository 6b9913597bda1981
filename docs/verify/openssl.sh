#!/usr/bin/env bash
# Verifies an attestation of an image with openssl. Needs jq to read JSON.
#
# usage: openssl.sh BUNDLE KEYS DIGEST
#   BUNDLE  a file with a Sigstore bundle
#   KEYS    a file with the response to GET /v1/attestation-keys, from a source that you trust
#   DIGEST  the digest of the image, sha256:…
set -euo pipefail
bundle=$1 keys=$2 digest=$3
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

# The bundle names its key by a hint.
hint=$(jq -er .verificationMaterial.publicKey.hint "$bundle")
jq -er --arg hint "$hint" '.keys[] | select(.hint == $hint) | .pem' "$keys" >"$work/key.pem"

# The signed message is the type and the payload, each with its length in bytes (DSSE).
type=$(jq -er .dsseEnvelope.payloadType "$bundle")
jq -er .dsseEnvelope.payload "$bundle" | base64 -d >"$work/payload"
jq -er '.dsseEnvelope.signatures[0].sig' "$bundle" | base64 -d >"$work/signature"
{
    printf 'DSSEv1 %d %s %d ' "${#type}" "$type" "$(wc -c <"$work/payload")"
    cat "$work/payload"
} >"$work/message"
openssl dgst -sha256 -verify "$work/key.pem" -signature "$work/signature" "$work/message" >/dev/null

# The signature is valid. Now check that the statement is about the build of this image.
[[ $type == application/vnd.in-toto+json ]]
[[ $(jq -er .predicateType "$work/payload") == https://slsa.dev/provenance/v1 ]]
subject=sha256:$(jq -er '.subject[0].digest.sha256' "$work/payload")
if [[ $subject != "$digest" ]]; then
    echo "the attestation is about $subject, not about $digest" >&2
    exit 1
fi
jq . "$work/payload"
