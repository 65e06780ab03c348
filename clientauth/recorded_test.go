package clientauth_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"flag"
	"os"
	"reflect"
	"testing"

	"oauthgw/clientauth"
)

var update = flag.Bool("update", false, "rewrite what testdata/forms.json records to what happens")

// recordedForm is a form, and how it was read: as parameters, and the text
// that is sent on for them, or refused for a reason. The same file is given to
// the parsers of other languages (e2e/forms.test.mjs), which have to read the
// text that is sent as the same parameters.
type recordedForm struct {
	Form       string      `json:"form"`
	Refused    string      `json:"refused,omitempty"`
	Sent       string      `json:"sent,omitempty"`
	Parameters [][2]string `json:"parameters,omitempty"`
}

func TestRecordedForms(t *testing.T) {
	const name = "testdata/forms.json"
	text, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	var forms []recordedForm
	if err := json.Unmarshal(text, &forms); err != nil {
		t.Fatal(err)
	}
	if len(forms) < 100 {
		t.Fatalf("only %d forms are recorded", len(forms))
	}
	for i, want := range forms {
		got := record(t, want.Form)
		if *update {
			forms[i] = got
		} else if !reflect.DeepEqual(got, want) {
			t.Errorf("%q:\ngot  %q\nwant %q", want.Form, got, want)
		}
	}
	if *update {
		writeForms(t, name, forms)
	}
}

func record(t *testing.T, form string) recordedForm {
	t.Helper()
	f, err := clientauth.ParseForm(form)
	var pairs [][2]string
	for name, value := range f.All() {
		pairs = append(pairs, [2]string{name, value.Reveal()})
	}
	var refusal *clientauth.Error
	switch {
	case errors.As(err, &refusal):
		return recordedForm{Form: form, Refused: refusal.Reason}
	case err != nil:
		t.Fatal(err)
	case len(pairs) == 0:
		return recordedForm{Form: form}
	}
	return recordedForm{Form: form, Sent: f.Encode(), Parameters: pairs}
}

// writeForms writes a form a line, so that a change shows as one.
func writeForms(t *testing.T, name string, forms []recordedForm) {
	t.Helper()
	var b bytes.Buffer
	for i, f := range forms {
		b.WriteString(map[bool]string{true: "[\n", false: ",\n"}[i == 0])
		e := json.NewEncoder(&b)
		e.SetEscapeHTML(false)
		if err := e.Encode(f); err != nil {
			t.Fatal(err)
		}
		b.Truncate(b.Len() - 1)
	}
	b.WriteString("\n]\n")
	if err := os.WriteFile(name, b.Bytes(), 0o644); err != nil {
		t.Fatal(err)
	}
}
