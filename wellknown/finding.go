package wellknown

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
