package metrics

import (
	"runtime"
	"runtime/debug"
)

// Build identifies the running binary in oauthgw_build_info.
type Build struct{ Version, Revision, GoVersion string }

// ReadBuild returns the build information that the Go toolchain wrote into the binary. What
// is missing is "unknown".
func ReadBuild() Build {
	b := Build{Version: "unknown", Revision: "unknown", GoVersion: runtime.Version()}
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return b
	}
	if info.Main.Version != "" {
		b.Version = info.Main.Version
	}
	for _, s := range info.Settings {
		if s.Key == "vcs.revision" {
			b.Revision = s.Value
		}
	}
	return b
}
