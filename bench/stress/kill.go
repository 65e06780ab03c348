package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"syscall"
	"time"
)

// kill kills gateways under load and starts the next one at the same address. Each must
// serve requests although its log is on a full device, and count the log lines that it
// drops. A request without response is no failure.
func kill(ctx context.Context, e *env) (string, error) {
	e.openLog = func(string) (*os.File, error) { return os.OpenFile("/dev/full", os.O_WRONLY, 0) }
	e.samePorts = true
	var started latencies
	o := newOutcomes()
	times, dropped := e.scaled(50), int64(0)
	for range times {
		start := time.Now()
		g, err := e.startGateway(ctx, "")
		if err != nil {
			return "", err
		}
		probe := e.newClients(1, g.data)[0]
		if _, err := redeem(probe); err != nil {
			return "", fmt.Errorf("first request: %w", err)
		}
		probe.close()
		started.add(time.Since(start))
		stop := e.startLoad(ctx, load{requests: []request{o.redeem(true, false)}, maxPause: time.Millisecond,
			isExpected: func(response, error) bool { return true }}, e.newClients(16, g.data))
		pause(ctx, 200*time.Millisecond)
		n, _ := g.metric("oauthgw_log_dropped_total")
		dropped += n
		_ = g.signal(syscall.SIGKILL)
		<-g.exited
		stop()
	}
	err := ctx.Err()
	if dropped == 0 {
		err = errors.New("no log line was dropped")
	}
	return fmt.Sprintf("%d kills; first response after a start within %s, half within %s; %d log lines dropped; %s",
		times, started.quantile(1), started.quantile(.5), dropped, o), err
}
