package printable

import (
	"fmt"
	"runtime"
	"strings"
)

// maxFrames bounds the functions that [Panic] returns.
const maxFrames = 32

// Panic describes a recovered panic by the type of its value and the functions that were
// running, innermost first. The value and the arguments may be secrets and are left out.
// It must be called by the deferred function that recovers.
func Panic(value any) (kind, functions string) {
	callers := make([]uintptr, maxFrames)
	n := runtime.Callers(4, callers) // skips itself, the deferred function and the runtime's
	frames := runtime.CallersFrames(callers[:n])
	var lines []string
	for {
		frame, more := frames.Next()
		lines = append(lines, fmt.Sprintf("%s:%d", frame.Function, frame.Line))
		if !more {
			return fmt.Sprintf("%T", value), strings.Join(lines, " < ")
		}
	}
}
