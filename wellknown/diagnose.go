package wellknown

import (
	"bytes"
	"cmp"
	"compress/gzip"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"time"

	"oauthgw/clientauth"
	"oauthgw/internal/jsonobject"
	"oauthgw/internal/origin"
	"oauthgw/internal/printable"
)

// MaxDocument limits a metadata document, in bytes, as it is sent and decoded.
const MaxDocument = 256 << 10

// Reply is a response to a request for metadata. Gateway and doctor read it by the same rules.
type Reply struct {
	Requested *url.URL // at the provider's origin
	Public    *url.URL // the origin that clients use for the provider's; nil: no other one
	Host      string   // of the request, from which providers build URLs; empty: that of Requested
	Status    int
	Header    http.Header
	Body      []byte // as sent, and at most one byte larger than a document

	received time.Time // when the header arrived
}

// Diagnosis is an error that says why a reply has no document and what to do. It quotes nothing.
type Diagnosis struct {
	Problem, Fix string // without a period at the end
	Absent       bool   // the provider has no document there, so that clients may try the next location
	refused      bool   // by a redirect or for lack of credentials, which does not pass by itself
}

// Error implements error.
func (d *Diagnosis) Error() string { return d.Problem + "; " + d.Fix }

// Is reports whether errNoDocument stands for the diagnosis.
func (d *Diagnosis) Is(target error) bool { return target == errNoDocument && d.Absent }

// Sentences returns the problem and the fix.
func (d *Diagnosis) Sentences() (problem, fix string) { return sentence(d.Problem), sentence(d.Fix) }

func sentence(s string) string { return strings.ToUpper(s[:1]) + s[1:] + "." }

func absent(problem, fix string) *Diagnosis {
	return &Diagnosis{Problem: "the provider has no metadata document there: " + problem, Fix: fix, Absent: true}
}

func unreadable(problem string) *Diagnosis {
	return &Diagnosis{Problem: "the metadata document cannot be read: " + problem, Fix: "correct it at the provider"}
}

const (
	setLocation = "set upstream.issuer in oauthgw if the metadata is below a path, and endpoints if there is none"
	setOrigin   = "set upstream.url to the origin to which the redirect leads, or public_url or upstream.host if the provider redirects other host names to its own"
	setDocument = "let the provider answer with the document"
)

// Diagnoses of documents.
var (
	errTooLarge        = &Diagnosis{Problem: "the metadata document is larger than 256 KiB", Fix: "let the provider send a smaller one"}
	errEncoding        = &Diagnosis{Problem: "the metadata document has a content coding other than gzip, or a damaged one", Fix: "turn off compression of the metadata at the provider"}
	errForeignIssuer   = &Diagnosis{Problem: "the provider's metadata names another issuer than upstream.issuer", Fix: "correct the issuer at the provider, or upstream.issuer"} // RFC 8414 section 3.3
	errNoTokenEndpoint = &Diagnosis{Problem: "the metadata names no token_endpoint on the origin that clients use", Fix: "add it with metadata.patch, or configure public_url or endpoints"}
)

// diagnoseStatus diagnoses the status of a reply. It is nil if a document may follow.
func (r Reply) diagnoseStatus() *Diagnosis {
	d := &Diagnosis{Problem: fmt.Sprintf("the provider answered the metadata request with status %d", r.Status), Fix: "read the log of the provider"}
	switch {
	case r.Status == http.StatusOK, r.Status == http.StatusCreated:
		return nil
	case r.Status >= 300 && r.Status < 400:
		_, where, fix := r.Redirect()
		d.Problem, d.Fix, d.refused = d.Problem+", a redirect "+where, fix, true
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
// or without a slash at the end, where the redirect leads in words, and what to configure.
func (r Reply) Redirect() (path, where, fix string) {
	location := r.Header.Get("Location")
	to, err := r.Requested.Parse(location)
	if err != nil || location == "" || r.Status < 300 || r.Status >= 400 || r.Status == http.StatusNotModified {
		return "", "that leads nowhere", setDocument
	}
	here := r.Public != nil && strings.EqualFold(to.Host, r.Public.Host) || origin.Same(to, r.Requested) || r.Host != "" && strings.EqualFold(to.Host, r.Host)
	samePath := strings.TrimSuffix(to.Path, "/") == strings.TrimSuffix(r.Requested.Path, "/") && to.RawQuery == "" && to.User == nil
	sameHost := here || strings.EqualFold(to.Hostname(), r.Requested.Hostname())
	switch {
	case here && samePath && to.Path != r.Requested.Path:
		return to.Path, "that leads back and forth", setDocument
	case sameHost && samePath && to.Scheme == "https" && r.Requested.Scheme == "http":
		return "", "to the same location with https", "set upstream.url to the https URL, or let the provider trust X-Forwarded-Proto"
	case here && samePath:
		return "", "to the same location", setDocument
	case here:
		return "", "to another path, which may be a login page", "let the provider serve its metadata without a login; if the metadata is below a path, set upstream.issuer"
	}
	return "", "to another origin", setOrigin
}

func (r Reply) decoded() (text []byte, err error) {
	var body io.Reader = bytes.NewReader(r.Body)
	switch strings.ToLower(strings.Join(r.Header["Content-Encoding"], ",")) {
	case "", "identity":
	case "gzip", "x-gzip":
		if body, err = gzip.NewReader(body); err != nil {
			return nil, errEncoding
		}
	default:
		return nil, errEncoding
	}
	text, err = io.ReadAll(io.LimitReader(body, MaxDocument+1))
	switch {
	case err != nil:
		return nil, errEncoding
	case len(text) > MaxDocument:
		return nil, errTooLarge
	}
	return text, nil
}

var byteOrderMark = []byte("\ufeff") // must not begin JSON, and may be ignored (RFC 8259 section 8.1)

// Object returns the JSON object in a reply of any media type, and its text, or a diagnosis.
func (r Reply) Object() (jsonobject.Object, []byte, error) {
	if d := r.diagnoseStatus(); d != nil {
		return jsonobject.Object{}, nil, d
	}
	text, err := r.decoded()
	if err != nil {
		return jsonobject.Object{}, nil, err
	}
	text = bytes.TrimPrefix(text, byteOrderMark)
	o, err := jsonobject.Parse(text)
	switch {
	case errors.Is(err, jsonobject.ErrNotObject):
		mediaType := strings.ToLower(commonType.FindString(r.Header.Get("Content-Type")))
		return o, nil, absent(fmt.Sprintf("the response with status %d and %s is empty or not a JSON object", r.Status, cmp.Or(mediaType, "no common media type")), setLocation)
	case err != nil:
		return o, nil, unreadable(err.Error())
	}
	return o, text, nil
}

// commonType matches the media types that a diagnosis names.
var commonType = regexp.MustCompile(`(?i)^(?:text/(?:html|plain|xml)|application/(?:json|xml|xhtml\+xml))`)

// Document returns the metadata in a reply, as the provider wrote it and corrected: without
// members that are absent by their value, and by the patch. A document is one JSON object that
// names an issuer and an endpoint, or the token endpoint at the public origin: some clients log
// in without an issuer. Errors are diagnoses.
func (r Reply) Document(p Patch) (published, corrected Metadata, err error) {
	o, _, err := r.Object()
	if err != nil {
		return Metadata{}, Metadata{}, err
	}
	published = Metadata{o}
	corrected = p.apply(published.withoutEmpty())
	switch {
	case published.Issuer() == "" && !origin.Same(corrected.Endpoint(clientauth.Token), r.Public):
		fix := setLocation
		if corrected.hasEndpoint() {
			fix = "name the issuer at the provider, or set public_url in oauthgw to the origin of token_endpoint"
		}
		err = absent("the JSON object names no issuer", fix)
	case !corrected.hasEndpoint():
		err = absent("the JSON object names no endpoint by an http or https URL", "add token_endpoint at the provider or with metadata.patch")
	}
	return published, corrected, err
}

// Imperfections returns what strict clients reject of a document, in words.
func (r Reply) Imperfections(published, corrected Metadata) (found []string) {
	var empty []string
	for _, m := range published.Members() {
		if corrected.Get(m.Name) == nil {
			empty = append(empty, m.Name)
		}
	}
	add := func(has bool, words string) {
		if has {
			found = append(found, words)
		}
	}
	text, _ := r.decoded()
	add(r.Status != http.StatusOK, fmt.Sprintf("status %d", r.Status))
	add(bytes.HasPrefix(text, byteOrderMark), "a byte order mark")
	add(r.Header.Get("Content-Encoding") != "", "a content coding that the request does not accept")
	add(empty != nil, "members that are null or empty and must be left out ("+printable.QuoteAll(empty)+")")
	return found
}

// Severity says how much a finding matters.
type Severity string

// The severities, the most severe first.
const (
	Problem Severity = "problem" // clients fail, or reveal their secrets
	Warning Severity = "warning" // some clients fail, or fail later
	Note    Severity = "note"    // worth knowing
)

// Finding is something that makes clients fail.
type Finding struct {
	Severity Severity `json:"severity"`
	Subject  string   `json:"subject"` // such as the token endpoint
	Problem  string   `json:"problem"` // what is wrong and what clients do about it, in sentences
	Fix      string   `json:"fix"`     // what to do, in sentences
}

// Findings is a list of findings.
type Findings []Finding

// Add appends a finding.
func (f *Findings) Add(s Severity, subject, problem, fix string) {
	*f = append(*f, Finding{s, subject, problem, fix})
}

// AddIf appends a finding if the condition holds.
func (f *Findings) AddIf(condition bool, s Severity, subject, problem, fix string) {
	if condition {
		f.Add(s, subject, problem, fix)
	}
}
