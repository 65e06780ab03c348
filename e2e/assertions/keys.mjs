// Keys, and the assertions that are made with them here and not by a client.
import crypto from "node:crypto";
import { exportJWK, exportPKCS8, generateKeyPair, SignJWT } from "jose";

// algorithms are those of RFC 7518 section 3.1 and RFC 9864 that the gateway accepts.
export const algorithms = ["RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "Ed25519"];

// makeKey resolves to a key pair. RFC 9864 replaces the name EdDSA by Ed25519.
export async function makeKey(alg, kid = `key-${alg}`) {
  const { privateKey, publicKey } = await generateKeyPair(alg, { extractable: true });
  return {
    alg,
    kid,
    privateKey,
    jwk: await exportJWK(privateKey),
    pem: await exportPKCS8(privateKey),
    published: { ...(await exportJWK(publicKey)), kid, use: "sig", alg: alg.replace("Ed25519", "EdDSA") },
  };
}

const seconds = () => Math.floor(Date.now() / 1000);

// sign resolves to an assertion. Claims and members of the header that are undefined are absent.
export function sign(key, claims, header = {}) {
  const now = seconds();
  return new SignJWT({ iat: now, exp: now + 60, ...claims }).setProtectedHeader({ alg: key.alg, ...header }).sign(key.privateKey);
}

// signAs resolves to an assertion that a client signs with its own key (RFC 7523 section 3).
export function signAs(key, id, issuer, claims = {}) {
  return sign(key, { iss: id, sub: id, aud: issuer, jti: crypto.randomUUID(), ...claims });
}

// serviceAccountToken resolves to a token of a workload as Kubernetes makes it: its audience is a
// list, its header has no typ, and the workload sends it again until kubelet renews it.
export function serviceAccountToken(key, { issuer, subject, audience }) {
  const now = seconds();
  const workload = { namespace: "pay", pod: { name: "billing-0" }, serviceaccount: { name: "billing" } };
  const claims = { aud: [audience], exp: now + 3607, iat: now, nbf: now, iss: issuer, jti: crypto.randomUUID(), sub: subject };
  return sign(key, { ...claims, "kubernetes.io": workload }, { kid: key.kid });
}

// form returns the parameters of a request with an assertion (RFC 7521 section 4.2).
export function form(assertion, parameters) {
  const client_assertion_type = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";
  return new URLSearchParams({ ...parameters, client_assertion_type, client_assertion: assertion });
}
