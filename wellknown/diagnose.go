package wellknown

import (
	"bytes"
	"compress/gzip"
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"oauthgw/internal/jsonobject"
	"oauthgw/internal/origin"
	"oauthgw/internal/printable"
)

// MaxDocument limits a metadata document, in bytes, as it is sent and decoded.
const MaxDocument = 256 << 10

// Reply is a provider's response to a request for metadata. The gateway and the doctor read
// it by the same rules.
type Reply struct {
	Requested *url.URL // at the provider's origin
	Public    *url.URL // the origin that clients use for the provider's; nil: no other one
	Status    int
	Header    http.Header
	Body      []byte // as sent, and at most one byte larger than a document

	received time.Time // when the header arrived
}

// Diagnosis is an error that says why a reply has no document, and what to configure. It
// quotes nothing of the reply.
type Diagnosis struct {
	Problem, Fix string // without a period at the end
	// Absent means that the provider has no document at the location, so that clients may try
	// the next one.
	Absent  bool
	refused bool // by a redirect or for lack of credentials, which does not pass by itself
}

// Error implements error.
func (d *Diagnosis) Error() string { return d.Problem + "; " + d.Fix }

// Is reports whether errNoDocument stands for the diagnosis.
func (d *Diagnosis) Is(target error) bool { return target == errNoDocument && d.Absent }

// Finding returns the diagnosis in sentences, for a location.
func (d *Diagnosis) Finding(s Severity, location string) Finding {
	return Finding{s, location, sentence(d.Problem), sentence(d.Fix)}
}

// Sentences returns the problem and the fix.
func (d *Diagnosis) Sentences() string { return sentence(d.Problem) + " " + sentence(d.Fix) }

func sentence(s string) string { return strings.ToUpper(s[:1]) + s[1:] + "." }

func absent(problem, fix string) *Diagnosis {
	return &Diagnosis{Problem: "the provider has no metadata document there: " + problem, Fix: fix, Absent: true}
}

func unreadable(problem string) *Diagnosis {
	return &Diagnosis{Problem: "the metadata document cannot be read: " + problem, Fix: "correct it at the provider"}
}

const (
	setLocation = "let the location lead to the metadata; set upstream.issuer if that is below a path, and endpoints if there is none"
	setOrigin   = "set upstream.url to the origin to which the redirect leads, or upstream.host if the provider redirects other host names to its own"
)

// Diagnoses of documents.
var (
	errTooLarge = &Diagnosis{Problem: "the metadata document is larger than 256 KiB", Fix: "let the provider send a smaller one"}
	errEncoding = &Diagnosis{Problem: "the metadata document has a content coding other than gzip, or a damaged one",
		Fix: "turn off compression of the metadata at the provider"}
	errForeignIssuer = &Diagnosis{Problem: "the provider's metadata names another issuer than upstream.issuer", // RFC 8414 section 3.3
		Fix: "correct the issuer at the provider, or upstream.issuer"}
)

var errNoTokenEndpoint = &Diagnosis{Problem: "the metadata names no token_endpoint on the origin that clients use",
	Fix: "configure public_url or endpoints"}

// diagnoseStatus diagnoses the status of a reply. It is nil if a document may follow.
func (r Reply) diagnoseStatus() *Diagnosis {
	d := &Diagnosis{Problem: fmt.Sprintf("the provider answered the metadata request with status %d", r.Status), Fix: "read the log of the provider"}
	switch {
	case r.Status == http.StatusOK, r.Status == http.StatusCreated:
		return nil
	case r.Status >= 300 && r.Status < 400:
		_, where, fix := r.Redirect()
		d.Problem, d.Fix, d.refused = d.Problem+where, fix, true
	case r.Status == http.StatusMisdirectedRequest: // RFC 9110 section 15.5.20
		d.Problem += " (Misdirected Request), because it does not serve the host name of the request"
		d.Fix = "set upstream.host and, for https, upstream.server_name to the name that it serves"
	case slices.Contains([]int{401, 403, 407}, r.Status):
		d.Fix, d.refused = "let the provider serve its metadata without authentication", true
	case r.Status < 500 && !slices.Contains([]int{408, 425, 429}, r.Status): // other 4xx mean that there is no document
		return absent(fmt.Sprintf("it answered with status %d", r.Status), setLocation)
	}
	return d
}

// Redirect returns the path to which a redirect leads, if that is the requested location with
// or without a slash at the end. Otherwise it returns words that say where the redirect leads,
// and what to configure.
func (r Reply) Redirect() (path, where, fix string) {
	location := r.Header.Get("Location")
	to, err := r.Requested.Parse(location)
	if err != nil || location == "" || r.Status == http.StatusNotModified {
		return "", ", a redirect that leads nowhere", "let the provider answer with the document"
	}
	toPublic := r.Public != nil && strings.EqualFold(to.Host, r.Public.Host)
	here := toPublic || origin.Same(to, r.Requested)
	samePath := strings.TrimSuffix(to.Path, "/") == strings.TrimSuffix(r.Requested.Path, "/") && to.RawQuery == ""
	sameHost := here || strings.EqualFold(to.Hostname(), r.Requested.Hostname())
	switch {
	case here && samePath && to.Path != r.Requested.Path && to.User == nil:
		return to.Path, ", a redirect that leads back and forth", "let the provider answer with the document"
	case sameHost && samePath && to.Scheme == "https" && r.Requested.Scheme == "http":
		return "", ", a redirect to the same location with https", "set upstream.url to the https URL, or let the provider trust X-Forwarded-Proto"
	case here && samePath:
		return "", ", a redirect to the same location", "let the provider answer with the document"
	case here:
		return "", ", a redirect to another path, which may be a login page", "let the provider serve its metadata without a login; if the metadata is below a path, set upstream.issuer"
	}
	return "", ", a redirect to another origin", setOrigin
}

// text returns the decoded body without a byte order mark (RFC 8259 section 8.1). The media
// type does not matter.
func (r Reply) text() ([]byte, error) {
	text := r.Body
	codings := strings.FieldsFunc(strings.ToLower(strings.Join(r.Header["Content-Encoding"], ",")), func(c rune) bool { return c == ',' || c == ' ' })
	switch codings = slices.DeleteFunc(codings, func(c string) bool { return c == "identity" }); {
	case len(text) > MaxDocument:
		return nil, errTooLarge
	case len(codings) > 1, len(codings) == 1 && codings[0] != "gzip" && codings[0] != "x-gzip":
		return nil, errEncoding
	case len(codings) == 1:
		reader, err := gzip.NewReader(bytes.NewReader(text))
		if err == nil {
			text, err = io.ReadAll(io.LimitReader(reader, MaxDocument+1))
		}
		switch {
		case len(text) > MaxDocument:
			return nil, errTooLarge
		case err != nil:
			return nil, errEncoding
		}
	}
	return bytes.TrimPrefix(text, []byte("\ufeff")), nil
}

// Object returns the JSON object in a reply, and its text. Errors are diagnoses.
func (r Reply) Object() (jsonobject.Object, []byte, error) {
	if d := r.diagnoseStatus(); d != nil {
		return jsonobject.Object{}, nil, d
	}
	text, err := r.text()
	if err != nil {
		return jsonobject.Object{}, nil, err
	}
	o, err := jsonobject.Parse(text)
	switch {
	case errors.Is(err, jsonobject.ErrNotObject):
		return o, nil, absent(fmt.Sprintf("the response with status %d and %s is %s", r.Status, r.mediaType(), kind(text)), setLocation)
	case err != nil:
		return o, nil, unreadable(err.Error())
	}
	return o, text, nil
}

func kind(text []byte) string {
	if len(bytes.TrimSpace(text)) == 0 {
		return "empty"
	}
	return "not a JSON object"
}

// mediaType returns the media type if it is a common one.
func (r Reply) mediaType() string {
	mediaType, _, _ := mime.ParseMediaType(r.Header.Get("Content-Type"))
	switch {
	case mediaType == "":
		return "no media type"
	case slices.Contains([]string{"text/html", "text/plain", "application/json", "application/xml", "text/xml", "application/octet-stream"}, mediaType):
		return "media type " + mediaType
	}
	return "another media type"
}

// Imperfections returns what strict clients reject of a document, in words.
func (r Reply) Imperfections(published, corrected Metadata) (found []string) {
	var empty []string
	for _, m := range published.Members() {
		if corrected.Get(m.Name) == nil {
			empty = append(empty, m.Name)
		}
	}
	plain := r
	plain.Header = nil
	text, _ := plain.text()
	for _, i := range []struct {
		has   bool
		words string
	}{
		{r.Status != http.StatusOK, fmt.Sprintf("status %d", r.Status)},
		{len(text) < len(r.Body), "a byte order mark"},
		{r.Header.Get("Content-Encoding") != "", "a content coding that the request does not accept"},
		{empty != nil, "members that are null or empty and must be left out (" + printable.QuoteAll(empty) + ")"},
	} {
		if i.has {
			found = append(found, i.words)
		}
	}
	return found
}

// Document returns the metadata in a reply, as the provider wrote it and corrected: without
// members that are absent by their value, and by the patch. A document is one JSON object that
// names an issuer and an endpoint. Errors are diagnoses.
func (r Reply) Document(p Patch) (published, corrected Metadata, err error) {
	o, _, err := r.Object()
	if err != nil {
		return Metadata{}, Metadata{}, err
	}
	published = Metadata{o}
	corrected = p.apply(published.withoutEmpty())
	switch {
	case published.Issuer() == "" && !corrected.hasEndpoint():
		err = absent("the JSON object names no issuer and no endpoint", setLocation)
	case published.Issuer() == "":
		err = absent("the JSON object names no issuer", "let the provider name its issuer")
	case !corrected.hasEndpoint():
		err = absent("the JSON object names no endpoint by an http or https URL", "add token_endpoint at the provider or with metadata.patch")
	}
	return published, corrected, err
}
