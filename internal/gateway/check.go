package gateway

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"

	"oauthgw/internal/config"
	"oauthgw/internal/printable"
	"oauthgw/metrics"
)

// CheckReport is the result of [Check]. oauthgw check prints its JSON.
type CheckReport struct {
	Valid    bool           `json:"valid"`
	Errors   config.Errors  `json:"errors"`             // never nil
	Metadata *CheckMetadata `json:"metadata,omitempty"` // nil: it was not checked
	Warnings []string       `json:"warnings,omitempty"`
}

// CheckMetadata is the result of checking the metadata that the gateway would serve.
type CheckMetadata struct {
	Read     bool     `json:"read"`          // it could be fetched and used
	Err      string   `json:"err,omitempty"` // why not
	Problems []string `json:"problems"`      // never nil
}

// Check loads a configuration and reports its errors. If it has none, and not offline, Check
// also fetches the metadata and reports its problems. The error says that the gateway cannot
// use the configuration or the metadata; problems are no error.
func Check(ctx context.Context, load func() (config.Settings, error), offline bool) (CheckReport, error) {
	report := CheckReport{Errors: config.Errors{}}
	s, err := load()
	if err != nil {
		_ = errors.As(err, &report.Errors)
		return report, err
	}
	report.Valid, report.Warnings = true, s.Warnings(s.Listen)
	if offline {
		return report, nil
	}
	g := New(Config{Settings: s, Log: slog.New(slog.DiscardHandler), Metrics: metrics.New(metrics.Build{})})
	defer g.Close()
	problems, err := g.Lint(ctx)
	report.Metadata = &CheckMetadata{Read: err == nil, Problems: append([]string{}, problems...)}
	if err != nil {
		report.Metadata.Err = err.Error()
		return report, fmt.Errorf("upstream.url: the metadata of %s cannot be fetched or used for the following reasons; to check without it, set --offline\n%w", s.Upstream.URL, err)
	}
	for _, p := range problems {
		if strings.HasPrefix(p, "upstream.client_auth: ") { // clients fail at all fronted endpoints
			err = errors.Join(err, errors.New(p))
		}
	}
	return report, err
}

// String returns a line for each result but the errors.
func (r CheckReport) String() string {
	if !r.Valid {
		return ""
	}
	lines := []string{"the configuration is valid"}
	if r.Metadata != nil {
		lines = append(lines, r.Metadata.Problems...)
		if r.Metadata.Read && len(r.Metadata.Problems) == 0 {
			lines = append(lines, "metadata OK: no problems for strict clients")
		}
	}
	for _, warning := range r.Warnings {
		lines = append(lines, "warning: "+warning)
	}
	for i, line := range lines {
		lines[i] = printable.Text(line) + "\n"
	}
	return strings.Join(lines, "")
}
