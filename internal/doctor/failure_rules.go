package doctor

import (
	"fmt"
	"net/http"

	"oauthgw/clientauth"
	"oauthgw/internal/printable"
)

// complaint is what is wrong with an answer. What continues the words "The
// answer". The zero complaint is none.
type complaint struct {
	severity Severity
	what, do string
}

// rule judges one answer of an endpoint.
type rule func(clientauth.Endpoint, answer) complaint

// faults are rules of answers that do not tell whether the client was read.
var faults = []rule{unanswered, serverFault, redirect, absent, busy}

func unanswered(_ clientauth.Endpoint, a answer) complaint {
	if a.err == nil {
		return complaint{}
	}
	return complaint{Problem, "did not arrive: " + printable.Quote(a.err.Error()) + ".", "Let the endpoint answer."}
}

func serverFault(_ clientauth.Endpoint, a answer) complaint {
	if a.status < 500 {
		return complaint{}
	}
	return complaint{Problem, fmt.Sprintf("has status %d: the server fails at a client that it does not know.", a.status), "Find out why; the server's log should tell."}
}

func redirect(_ clientauth.Endpoint, a answer) complaint {
	if a.status < 300 || a.status >= 400 {
		return complaint{}
	}
	return complaint{Problem, fmt.Sprintf("is a redirect (status %d), which clients do not follow, or follow with a GET.", a.status), "Name the URL in the metadata to which it leads, and answer there."}
}

func absent(_ clientauth.Endpoint, a answer) complaint {
	if a.status != http.StatusNotFound && a.status != http.StatusMethodNotAllowed && a.status != http.StatusGone {
		return complaint{}
	}
	return complaint{Problem, fmt.Sprintf("has status %d: the endpoint is not where the metadata says.", a.status), "Correct the URL in the metadata, or let it lead to the provider."}
}

func busy(_ clientauth.Endpoint, a answer) complaint {
	if a.status != http.StatusTooManyRequests {
		return complaint{}
	}
	return complaint{Note, "has status 429, which does not tell how clients are read.", "Ask again later."}
}
