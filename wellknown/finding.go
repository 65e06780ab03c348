package wellknown

// Severity says how much a finding matters.
type Severity string

// The severities, the most severe first.
const (
	// Problem makes clients fail, or reveals their secrets.
	Problem Severity = "problem"
	// Warning makes some clients fail, or fails later.
	Warning Severity = "warning"
	// Note is worth knowing.
	Note Severity = "note"
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
