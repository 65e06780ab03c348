// The clients that authenticate with an assertion, and what each sends.
import { javascript, python } from "../clients/catalogue.mjs";
import { debian, npm } from "../deployment.mjs";
import { algorithms } from "./keys.mjs";

const every = ["authorization_code", "refresh_token", "client_credentials"];
const jose = { lifetime: 60, claims: ["aud", "exp", "iat", "iss", "jti", "nbf", "sub"], typ: "absent" };
const withoutNbf = jose.claims.filter((name) => name !== "nbf");
const custom = "the application chooses the audience";

// The members of a client:
//   kid        it names its key if the application gives it the name
//   sends      what is in its requests: whether client_id is, the alg for an Ed25519 key, typ,
//              the claims, the lifetime in seconds, and whether times have fractions
//   notes      go into the table
export const clients = [
  {
    name: "openid-client 6",
    version: () => npm("openid-client-6"),
    program: javascript("openid-client-6"),
    kid: true,
    sends: { ...jose, client_id: "yes" },
  },
  {
    name: "openid-client 5",
    version: () => npm("openid-client-5"),
    program: javascript("openid-client-5"),
    kid: true,
    sends: { ...jose, client_id: "yes", ed25519: "EdDSA", claims: withoutNbf },
    notes: "needs the algorithms in the metadata",
  },
  {
    name: "oauth4webapi",
    version: () => npm("oauth4webapi"),
    program: javascript("oauth4webapi"),
    kid: true,
    sends: { ...jose, client_id: "yes" },
  },
  {
    name: "MCP TypeScript SDK, PrivateKeyJwtProvider",
    version: () => npm("@modelcontextprotocol/sdk"),
    program: javascript("PrivateKeyJwtProvider"),
    grants: ["client_credentials"],
    sends: { ...jose, client_id: "no", typ: "JWT", lifetime: 300, claims: withoutNbf },
  },
  {
    name: "authlib",
    version: () => debian("python3-authlib"),
    program: python("authlib"),
    sends: { ...jose, client_id: "no", ed25519: "EdDSA", typ: "JWT", lifetime: 3600, claims: withoutNbf },
    notes: custom,
  },
  {
    name: "MSAL oauth2cli",
    version: () => debian("python3-msal"),
    program: python("oauth2cli"),
    sends: { ...jose, client_id: "yes", ed25519: "EdDSA", typ: "JWT", lifetime: 600, fractions: true, claims: withoutNbf },
    notes: `${custom}; use \`create_normal_assertion\``,
  },
].map((client) => ({ grants: every, algorithms, ...client }));
