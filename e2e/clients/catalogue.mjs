// The client libraries, how to run them, and how they behave.
import path from "node:path";
import { build, debian, golang, npm } from "../deployment.mjs";

const both = ["client_secret_basic", "client_secret_post"];
const every = ["authorization_code", "refresh_token", "client_credentials"];

// Each program reads jobs from standard input; javascript.mjs says how. The interpreters
// are Debian's, because only these find Debian's packages.
export const javascript = (name) => [process.execPath, path.join(import.meta.dirname, "javascript.mjs"), name];
export const python = (name) => ["/usr/bin/python3", path.join(import.meta.dirname, "python.py"), name];
const ruby = (name) => ["/usr/bin/ruby", path.join(import.meta.dirname, "ruby.rb"), name];

// catalogue has one entry for each library and way of using it. encoding is the name in
// clientauth/testdata/basic.json of how it writes Basic credentials. notes go into the
// table.
export const catalogue = [
  { name: "curl", version: () => debian("curl"), program: javascript("curl"), encoding: "raw-utf8" },
  {
    name: "golang.org/x/oauth2",
    ...xoauth2(),
    encoding: "form-go",
    notes: "`AuthStyleInHeader`, `AuthStyleInParams`",
  },
  {
    name: "golang.org/x/oauth2, auto-detect",
    ...xoauth2("auto-detect"),
    encoding: "form-go",
    methods: ["client_secret_basic"],
    // After any failure it tries again with the credentials in the form.
    retriesByForm: true,
    notes: "tries Basic first, which succeeds",
  },
  {
    name: "openid-client 5",
    version: () => npm("openid-client-5"),
    program: javascript("openid-client-5"),
    encoding: "uri-component-plus",
  },
  {
    name: "openid-client 6",
    version: () => npm("openid-client-6"),
    program: javascript("openid-client-6"),
    encoding: "alnum-only",
  },
  {
    name: "oauth4webapi",
    version: () => npm("oauth4webapi"),
    program: javascript("oauth4webapi"),
    encoding: "alnum-only",
  },
  { name: "simple-oauth2", ...simpleOAuth2("strict"), encoding: "form-go" },
  { name: "simple-oauth2, loose", ...simpleOAuth2("loose"), encoding: "raw-utf8" },
  { name: "MCP TypeScript SDK", ...mcpSDK() },
  {
    name: "MCP TypeScript SDK, no method registered",
    ...mcpSDK("unregistered"),
    methods: ["client_secret_basic"],
    notes: "uses Basic because the metadata lists it",
  },
  {
    name: "authlib",
    version: () => debian("python3-authlib"),
    program: python("authlib"),
    encoding: "raw-latin1",
  },
  {
    name: "requests-oauthlib",
    version: () => debian("python3-requests-oauthlib"),
    program: python("requests-oauthlib"),
    encoding: "raw-latin1",
  },
  {
    name: "MSAL oauth2cli",
    version: () => debian("python3-msal"),
    program: python("oauth2cli"),
    encoding: "form-go",
    beside: ["client_id"],
    notes: "`client_id` in the form beside Basic",
  },
  {
    name: "ruby-oauth2",
    version: () => debian("ruby-oauth2"),
    program: ruby("oauth2"),
    encoding: "raw-utf8",
  },
  { name: "rack-oauth2", ...rackOAuth2(), encoding: "form-whatwg" },
  {
    name: "rack-oauth2, not encoding",
    ...rackOAuth2("basic_without_www_form_urlencode"),
    encoding: "raw-utf8",
    methods: ["client_secret_basic"],
  },
].map((client) => ({ methods: both, grants: every, beside: [], notes: "", ...client }));

function xoauth2(variant) {
  const version = () => golang("golang.org/x/oauth2", "xoauth2");
  return { version, variant, program: [path.join(build, "xoauth2")] };
}

// simple-oauth2 accepts only VSCHAR of RFC 6749 appendix A.
function simpleOAuth2(variant) {
  const beyond = /[^\x20-\x7e]/;
  return {
    version: () => npm("simple-oauth2"),
    variant,
    program: javascript("simple-oauth2"),
    refuses: ({ client_id, client_secret }) => beyond.test(client_id + client_secret),
  };
}

function mcpSDK(variant) {
  return {
    version: () => npm("@modelcontextprotocol/sdk"),
    variant,
    program: javascript("mcp-sdk"),
    encoding: "raw-latin1",
    grants: ["authorization_code", "refresh_token"],
  };
}

function rackOAuth2(variant) {
  return { version: () => debian("ruby-rack-oauth2"), variant, program: ruby("rack-oauth2") };
}

// raw reports whether a client sends Basic credentials without encoding them first.
export const raw = (client) => client.encoding.startsWith("raw-");
