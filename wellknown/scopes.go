package wellknown

import (
	"slices"

	"oauthgw/internal/printable"
)

// lintScopes checks the scopes that clients ask for only because of repair.requests.scope.
func (md Metadata) lintScopes(found *Findings, scopes []string) {
	listed := md.Strings("scopes_supported")
	unlisted := slices.DeleteFunc(slices.Clone(scopes), func(scope string) bool { return slices.Contains(listed, scope) })
	found.AddIf(listed != nil && len(unlisted) > 0, Warning, "scopes_supported",
		"repair.requests.scope lets clients ask for "+printable.QuoteAll(unlisted)+", which scopes_supported does not list. A provider that does not know a scope refuses the login with invalid_scope.",
		"Correct repair.requests.scope, or, if the provider knows the scope, add it to scopes_supported"+inMetadata)
}
