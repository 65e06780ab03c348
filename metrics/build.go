package metrics

import (
	"cmp"
	"runtime"
	"runtime/debug"
)

// Build identifies the running binary in oauthgw_build_info.
type Build struct{ Version, Revision, GoVersion string }

// ReadBuild returns what the Go toolchain wrote into the binary, or "unknown".
func ReadBuild() Build {
	b := Build{Version: "unknown", Revision: "unknown", GoVersion: runtime.Version()}
	if info, ok := debug.ReadBuildInfo(); ok {
		b.Version = cmp.Or(info.Main.Version, b.Version)
		for _, s := range info.Settings {
			if s.Key == "vcs.revision" {
				b.Revision = s.Value
			}
		}
	}
	return b
}
