package logging

import (
	"io"
	"log/slog"
	"strconv"
	"sync"
	"time"
)

// lineWriter writes lines, one at a time, to a writer.
type lineWriter struct {
	mu sync.Mutex
	w  io.Writer
}

// Write implements [io.Writer].
func (l *lineWriter) Write(line []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.w.Write(line)
}

var lineBuffers = sync.Pool{New: func() any { return new([]byte) }}

// writeJSON writes a record as [slog.JSONHandler] does, in a third of its time, and so that nothing
// needs to be escaped. It returns false, and writes nothing, if the record has other values.
func (l *lineWriter) writeJSON(r slog.Record) (bool, error) {
	buffer := lineBuffers.Get().(*[]byte)
	defer lineBuffers.Put(buffer)
	line, ok := appendRecord((*buffer)[:0], r)
	*buffer = line
	if !ok {
		return false, nil
	}
	_, err := l.Write(line)
	return true, err
}

func appendRecord(line []byte, r slog.Record) (_ []byte, ok bool) {
	line = r.Time.AppendFormat(append(line, `{"time":"`...), time.RFC3339Nano)
	line = append(append(line, `","level":"`...), r.Level.String()...)
	line = append(append(line, `","msg":"`...), r.Message...)
	line = append(line, '"')
	ok = !r.Time.IsZero() && isPlain(r.Message)
	r.Attrs(func(a slog.Attr) bool {
		line, ok = appendAttr(line, a, ok)
		return ok
	})
	return append(line, "}\n"...), ok
}

func appendAttr(line []byte, a slog.Attr, ok bool) ([]byte, bool) {
	if a.Value.Kind() == slog.KindGroup {
		for _, member := range a.Value.Group() {
			line, ok = appendAttr(line, member, ok && a.Key == "")
		}
		return line, ok
	}
	line = append(append(append(line, `,"`...), a.Key...), `":`...)
	ok = ok && isPlain(a.Key) && a.Key != ""
	switch a.Value.Kind() {
	case slog.KindString:
		text := a.Value.String()
		line = append(append(append(line, '"'), text...), '"')
		ok = ok && isPlain(text)
	case slog.KindInt64:
		line = strconv.AppendInt(line, a.Value.Int64(), 10)
	case slog.KindFloat64:
		f := a.Value.Float64()
		line = strconv.AppendFloat(line, f, 'f', -1, 64)
		ok = ok && 1e-6 <= f && f < 1e21 // others may have an exponent
	default:
		ok = false
	}
	return line, ok
}

// isPlain reports whether a text is the same in JSON.
func isPlain(s string) bool {
	for _, c := range []byte(s) {
		if c < ' ' || c > '~' || c == '"' || c == '\\' {
			return false
		}
	}
	return true
}
