package clientauth_test

import (
	"encoding/json"
	"errors"
	"os"
	"reflect"
	"testing"

	"oauthgw/clientauth"
)

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
	text, err := os.ReadFile("testdata/forms.json")
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
	for _, want := range forms {
		if got := record(t, want.Form); !reflect.DeepEqual(got, want) {
			t.Errorf("%q:\ngot  %q\nwant %q", want.Form, got, want)
		}
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
