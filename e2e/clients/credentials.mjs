// The client ids and secrets that the clients log in with.

const everything = "p+l/u=s:&~!é ü%";

// misread marks the two kinds of secret that the gateway takes for encoded
// ones when they come unencoded: their octets are what an encoder makes of
// another secret, so no rule can tell. RFC 7617 section 2 forbids the colon in
// an id, and has no way to write one without an encoding.
export const shapes = [
  { name: "plain secret", secret: "plain-_.~123" },
  { name: "secret with everything", secret: everything },
  { name: "secret with all punctuation of ASCII", secret: "!\"#$%&'()*+,-./ :;<=>?@[\\]^_`{|}~" },
  { name: "secret in base64", secret: "q8+/Zk2v+R/7yA==" },
  { name: "secret that ends in a percent sign", secret: "100%" },
  { name: "secret with a space", secret: "a b" },
  { name: "secret beyond Latin-1", secret: "€ and 鍵" },
  { name: "secret that looks like an escape", secret: "%41", misread: true },
  { name: "secret with a plus alone", secret: "x+y", misread: true },
  { name: "id with a space", id: "a b", secret: everything },
  // The two halves are judged together.
  { name: "id with a space, secret with a plus alone", id: "a b", secret: "x+y" },
  { name: "id with everything but a colon", id: "i+d/=&~!é ü%", secret: everything },
  { name: "id with a colon", id: "app:1", secret: "plain-_.~123", colon: true },
  { name: "wrong secret", secret: "plain-_.~123", wrong: true },
];

// credentials makes the pair of one job. The number makes the id one of its
// own, so that log lines can be told apart; the canary, which is alphanumeric,
// does the same for the secret, and changes nothing about how it is encoded.
export function credentials(shape, number, canary) {
  const id = (shape.id ?? "client").replace(/^([a-z]+)/, `$1${number}`);
  return { client_id: id, client_secret: canary + shape.secret };
}
