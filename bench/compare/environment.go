package main

import (
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"time"
)

// circumstances tell of a run what its figures depend on.
func circumstances(o options) string {
	rounds := fmt.Sprintf("%d rounds of %v each", o.rounds, o.lasts)
	machine := fmt.Sprintf("%d processors, %s, %s/%s", runtime.NumCPU(), processor(), runtime.GOOS, runtime.GOARCH)
	return strings.Join([]string{rounds, machine, runtime.Version(), versions(o.peers), time.Now().UTC().Format(time.DateOnly)}, "; ") + "."
}

// processor is what the system calls the first one (proc_cpuinfo of Linux).
func processor() string {
	text, _ := os.ReadFile("/proc/cpuinfo") // empty where there is none
	_, rest, _ := strings.Cut(string(text), "model name")
	line, _, _ := strings.Cut(rest, "\n")
	if name := strings.Trim(line, ": \t"); name != "" {
		return name
	}
	return "of a kind that is not told"
}

// packages are those of Debian that are measured, and what people call them.
var packages = map[string]string{
	"nginx": "nginx", "libnginx-mod-http-js": "njs", "libnginx-mod-http-lua": "Lua module", "haproxy": "haproxy", "caddy": "Caddy",
}

// versions are those of the peers, from the names of the packages that fetch left.
func versions(peers string) string {
	text, _ := os.ReadFile(filepath.Join(peers, "complete")) // empty if they come from elsewhere
	var all []string
	for file := range strings.FieldsSeq(string(text)) {
		parts := strings.Split(file, "_")
		if name := packages[parts[0]]; name != "" && len(parts) > 1 {
			all = append(all, name+" "+strings.TrimPrefix(parts[1], "1%3a")) // the epoch is Debian's
		}
	}
	return strings.Join(all, ", ")
}
