// Uploads a pack, lists it, polls its build, changes its visibility and deletes it, with a client whose types are
// generated from openapi.yaml. Run by tests/scripts/generated-client. Takes the URL of the API, an API key and the path
// of a .tar.gz.

import { readFileSync } from "node:fs";
import createClient from "openapi-fetch";
import type { components, paths } from "./api.js";

type Pack = components["schemas"]["Pack"];

const [url, key, archive] = process.argv.slice(2);
const client = createClient<paths>({ baseUrl: url, headers: { Authorization: `Bearer ${key}` } });

/** Returns the data of a response, or fails with its error. */
function expect<T>(what: string, { data, error }: { data?: T; error?: unknown }): T {
    if (data === undefined) {
        throw new Error(`${what}: ${JSON.stringify(error)}`);
    }
    console.log(`${what}: done`);
    return data;
}

async function get(id: string) {
    return client.GET("/v1/packs/{id}", { params: { path: { id } } });
}

/** Polls a pack until its build is done. */
async function follow(id: string): Promise<Pack> {
    for (;;) {
        const result = await get(id);
        const pack = expect("follow", result);
        if (pack.build_status !== "queued") {
            return pack;
        }
        const seconds = Number(result.response.headers.get("Retry-After"));
        await new Promise((resolve) => setTimeout(resolve, seconds * 1_000));
    }
}

const form = new FormData();
form.append("archive", new Blob([readFileSync(archive)]), "pack.tar.gz");
form.append("visibility", "org");
const uploaded = expect(
    "upload",
    await client.POST("/v1/packs/upload", {
        body: { visibility: "org" },
        bodySerializer: () => form,
    }),
);
if (!("id" in uploaded)) {
    throw new Error("the response to an upload has no id");
}
const { id, name } = uploaded;

const { packs } = expect("list", await client.GET("/v1/packs", { params: { query: { owned: true, name } } }));
if (packs.length !== 1 || packs[0].id !== id) {
    throw new Error("the list has other packs");
}

const built = await follow(id);
if (built.build_status !== "ready") {
    throw new Error(`the build failed: ${built.build_error}`);
}

const changed = expect(
    "change",
    await client.PATCH("/v1/packs/{id}", { params: { path: { id } }, body: { visibility: "community" } }),
);
if (changed.visibility !== "community") {
    throw new Error("the visibility did not change");
}

expect("delete", await client.DELETE("/v1/packs/{id}", { params: { path: { id } } }));
const { error } = await get(id);
if (error === undefined || !("error" in error) || error.error.code !== "pack_not_found") {
    throw new Error("the pack was not deleted");
}
