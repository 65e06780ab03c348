package main

import (
	"context"
	"oauthgw/internal/config"
	"os"
	"slices"
	"time"
)

// pollEvery is the time between two looks at the files of the configuration. Their
// content is compared, because Kubernetes swaps links.
const pollEvery = 5 * time.Second

// remember notes what the files held before they were read. If reading made
// others known, they count as they are now, unless the first have changed
// meanwhile. The lock must be held.
func (l *live) remember(files []string, sum string) {
	if !slices.Equal(files, l.watched) && config.Fingerprint(files) == sum {
		sum = config.Fingerprint(l.watched)
	}
	l.seen = sum
}

// changed reports whether the files that a reload reads have changed since they were
// last read. After a reload that failed, the files of that configuration count as well,
// because one of them may have been missing.
func (l *live) changed() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return config.Fingerprint(l.watched) != l.seen
}

// keepReloading reloads on each signal and each change of a file, until ctx
// ends. The outcome is in the log and the metrics.
func (l *live) keepReloading(ctx context.Context, signals <-chan os.Signal) {
	poll := time.NewTicker(pollEvery)
	defer poll.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-signals:
			_ = l.reload()
		case <-poll.C:
			if l.changed() {
				_ = l.reload()
			}
		}
	}
}
