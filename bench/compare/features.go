package main

import (
	"bytes"
	"fmt"
	"strings"
)

// probe asks whether a contender does what the gateway is for.
type probe struct {
	does    string
	request []byte
	done    func(head, body []byte) bool
}

// probes are all there are. Each is asked once of everyone that stands before the
// provider.
var probes = []probe{
	{"Basic becomes form", post(basic("client-0", secret), ""), told(`"credentials":"form"`)},
	{"Basic beside another secret in the form is refused", post(basic("client-0", secret), "&client_secret=other"), begins("400")},
	{"Basic beside a client assertion is refused", post(basic("client-0", secret), "&client_assertion=e30.e30.e30"), begins("400")},
	{"a repeated parameter is refused", post(basic("client-0", secret), "&code=again"), begins("400")},
	{"Basic that cannot be read is answered 401, with a challenge", post("Authorization: Basic !!!\r\n", ""), challenges},
	{"a 401 without a challenge is given one", post("", "&client_id=client-0&client_secret=wrong"), challenges},
	{"a 401 that may be stored is given `no-store`", post("", "&client_id=client-0&client_secret=wrong"), func(head, _ []byte) bool {
		return bytes.Contains(bytes.ToLower(head), []byte("\r\ncache-control: no-store\r\n"))
	}},
	{"a 400 `invalid_client` becomes 401, with a challenge", post(basic("client-0", unknownSecret), ""), challenges},
	{"metadata offers Basic", workloads[1].request(oauthgw, 0), told("client_secret_basic")},
	{"a client that registers for Basic is told so", workloads[3].request(oauthgw, 0), told(`"token_endpoint_auth_method":"client_secret_basic"`)},
}

func told(text string) func(head, body []byte) bool {
	return func(_, body []byte) bool { return bytes.Contains(body, []byte(text)) }
}

func begins(status string) func(head, body []byte) bool {
	return func(head, _ []byte) bool { return bytes.HasPrefix(head, []byte("HTTP/1.1 "+status+" ")) }
}

func challenges(head, body []byte) bool {
	return begins("401")(head, body) && bytes.Contains(bytes.ToLower(head), []byte("\r\nwww-authenticate: basic "))
}

// probeAll tells of each target that stands before the provider what it does, in a
// table.
func probeAll(targets []target) (string, error) {
	header, rule := "| |", "|---|"
	rows := make([]string, len(probes))
	for i, p := range probes {
		rows[i] = "| " + p.does + " |"
	}
	for _, t := range targets {
		if t.contender == direct || t.contender == floor || t.contender == raised {
			continue
		}
		header, rule = header+" "+t.name+" |", rule+"---|"
		for i, p := range probes {
			did, err := t.probe(p)
			if err != nil {
				return "", err
			}
			rows[i] += map[bool]string{true: " yes |", false: " – |"}[did]
		}
	}
	return header + "\n" + rule + "\n" + strings.Join(rows, "\n") + "\n", nil
}

// probe reports whether a target does it.
func (t target) probe(p probe) (bool, error) {
	w, err := dial(t.process.address)
	if err != nil {
		return false, err
	}
	defer func() { _ = w.Close() }()
	head, body, err := w.exchange(p.request)
	if err != nil {
		return false, fmt.Errorf("%s: %s: %w", t.name, p.does, err)
	}
	return p.done(head, body), nil
}
