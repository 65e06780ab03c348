// The Node that oidc-provider and the MCP project's conformance tests need.
import path from "node:path";

const installed = path.join(import.meta.dirname, "../node_modules", `node-linux-${process.arch}`, "bin/node");

export const node22 = Number.parseInt(process.versions.node) >= 22 ? process.execPath : installed;
