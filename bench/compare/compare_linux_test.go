package main

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"slices"
	"strings"
	"testing"
	"time"
)

// TestMain lets the test binary be a contender, as the program is.
func TestMain(m *testing.M) {
	if len(os.Args) > 1 && (os.Args[1] == "serve" || os.Args[1] == "slack") {
		panic(run(os.Args[1:])) // it ends when it is killed
	}
	os.Exit(m.Run())
}

func TestMeasure(t *testing.T) {
	o := options{rounds: 2, duration: 10 * time.Millisecond, contenders: []*contender{direct, stock, rewriteOnly}}
	r, err := measure(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	for _, s := range o.scenarios() {
		for _, c := range o.contenders {
			if n := len(r.samples[measured{c, s}]); n != 2 && s.includes(c) || n != 0 && !s.includes(c) {
				t.Errorf("%s: %d samples of %v", c.name, n, s)
			}
		}
	}
	page := r.markdown(o)
	if want := "| moves Basic credentials into the form | – | yes |\n"; !strings.Contains(page, want) {
		t.Errorf("the page does not contain %q", want)
	}
	columns := 0
	for line := range strings.Lines(page) {
		n := strings.Count(line, "|")
		if n > 0 && columns > 0 && n != columns {
			t.Errorf("the number of cells differs from the row above: %s", line)
		}
		columns = n
	}
}

func TestCheckRejectsWrongResponses(t *testing.T) {
	head, body, _ := strings.Cut(string(tokenForHeader), "\r\n\r\n")
	if err := lent.check(secretless, []byte(head), []byte(body)); err == nil {
		t.Error("no error for a lent secret that did not arrive")
	}
	for response, c := range map[string]*contender{string(tokenForHeader): oauthgw, string(page): stock, string(unauthorized): stock} {
		head, body, _ := strings.Cut(response, "\r\n\r\n")
		if err := token.check(c, []byte(head), []byte(body)); err == nil {
			t.Errorf("%s: no error for %.100q", c.name, response)
		}
	}
}

func TestVerdicts(t *testing.T) {
	gateway := []sample{{cpu: 1, p99: 2}, {cpu: 100, p99: 3}}
	other := []sample{{cpu: 2, p99: 1}, {cpu: 200, p99: 1}}
	ratio := spreadByRound(gateway, other, cpuRatio) // within each round
	var got []string
	for _, s := range []spread{ratio, spreadOf([]float64{0.5, 0.6, 0.7}), spreadByRound(other, gateway, addedP99), {}} {
		got = append(got, threshold{value: 0.5}.verdict(s))
	}
	got = append(got, threshold{}.verdict(ratio))
	if want := []string{"met", "**not met**", "too noisy to judge", "not measured", ""}; !slices.Equal(got, want) {
		t.Errorf("verdicts are %q, want %q", got, want)
	}
}

func TestAssertionsAreSentOnce(t *testing.T) {
	asserted.prepare()
	seen := map[string]bool{}
	for range cap(signed) {
		seen[string(asserted.request(secretless, 0))] = true
	}
	if left := asserted.request(secretless, 0); len(seen) != cap(signed) || left != nil {
		t.Errorf("%d different requests, want %d; left: %q", len(seen), cap(signed), left)
	}
}

func TestSlack(t *testing.T) {
	output, err := exec.Command("/proc/self/exe", "slack", "/bin/cat", "/proc/self/timerslack_ns").CombinedOutput()
	if err != nil || string(output) != "1000000\n" {
		t.Errorf("timer slack is %s, %v", output, err)
	}
}

// The worker of a master counts: here cat, which ends with the standard input.
func TestUsageIncludesChildren(t *testing.T) {
	cmd := exec.Command("sh", "-c", "exec 3<&0; cat <&3 & echo started; wait")
	in, inErr := cmd.StdinPipe()
	out, outErr := cmd.StdoutPipe()
	if err := errors.Join(inErr, outErr, cmd.Start()); err != nil {
		t.Fatal(err)
	}
	defer func() { _ = in.Close(); _ = cmd.Wait() }()
	if _, err := out.Read(make([]byte, 16)); err != nil {
		t.Fatal(err)
	}
	both, err := (&process{cmd: cmd}).usage()
	statm, statmErr := os.ReadFile(fmt.Sprintf("/proc/%d/statm", cmd.Process.Pid))
	var size, resident int
	_, scanErr := fmt.Sscan(string(statm), &size, &resident)
	if err := errors.Join(err, statmErr, scanErr); err != nil {
		t.Fatal(err)
	}
	if master := float64(resident*os.Getpagesize()) / (1 << 20); both.resident <= master {
		t.Errorf("master and worker have %v MiB, the master alone has %v", both.resident, master)
	}
}
