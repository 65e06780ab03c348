package gateway

import (
	"context"
	"os"
	"slices"
	"time"

	"oauthgw/internal/config"
)

// pollInterval is the time between two comparisons of the content of the files: Kubernetes
// replaces links, so their times say nothing.
const pollInterval = 5 * time.Second

// Watch reloads on each signal and each change of a file, until ctx ends.
func (r *Reloader) Watch(ctx context.Context, signals <-chan os.Signal) {
	for poll := time.Tick(pollInterval); ; {
		select {
		case <-ctx.Done():
			return
		case <-signals:
		case <-poll:
			if !r.filesChanged() {
				continue
			}
		}
		_ = r.Reload() // it logs the error
	}
}

// noteFingerprint stores the fingerprint that files had before they were read. If the
// configuration has other files now, they count as they are, unless the first have changed.
func (r *Reloader) noteFingerprint(files []string, fingerprint string) {
	if !slices.Equal(files, r.files) && config.Fingerprint(files) == fingerprint {
		fingerprint = config.Fingerprint(r.files)
	}
	r.fingerprint = fingerprint
}

// filesChanged reports whether the files have changed since they were loaded last. After a
// failed reload the files of that configuration count too, because one may be missing.
func (r *Reloader) filesChanged() bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return config.Fingerprint(r.files) != r.fingerprint
}
