package state_test

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"oauthgw/internal/state"
)

// fakeRedis answers the commands of package state as Redis does, unless reply is set.
type fakeRedis struct {
	mu       sync.Mutex
	expires  map[string]time.Time
	commands []string
	trouble
}

// trouble is a fault of a Redis.
type trouble struct {
	down  bool          // connections are refused
	lost  bool          // connections are not answered
	cut   bool          // connections break after a SET, which took effect
	delay time.Duration // of each reply
	reply string        // to each command; empty: that of Redis
}

const silence = "no reply"

func (f *fakeRedis) become(t trouble) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.trouble = t
}

// received returns the commands since the last call.
func (f *fakeRedis) received() string {
	f.mu.Lock()
	defer f.mu.Unlock()
	all := strings.Join(f.commands, "\n")
	f.commands = nil
	return all
}

func (f *fakeRedis) dial(ctx context.Context, _, _ string) (net.Conn, error) {
	f.mu.Lock()
	trouble := f.trouble
	f.mu.Unlock()
	switch {
	case trouble.down:
		return nil, errors.New("connection refused")
	case trouble.lost:
		<-ctx.Done()
		return nil, ctx.Err()
	}
	here, there := net.Pipe()
	go f.serve(there)
	return here, nil
}

func (f *fakeRedis) serve(conn net.Conn) {
	defer func() { _ = conn.Close() }()
	for in := bufio.NewReader(conn); ; {
		command, err := readCommand(in)
		if err != nil {
			return
		}
		reply, delay := f.handle(command)
		time.Sleep(delay)
		if reply == silence {
			continue
		}
		if _, err := io.WriteString(conn, reply); err != nil || reply == "" {
			return
		}
	}
}

func readCommand(in *bufio.Reader) (command []string, err error) {
	length := func() (n int) {
		var line string
		if line, err = in.ReadString('\n'); err == nil {
			n, err = strconv.Atoi(strings.TrimSpace(line[1:]))
		}
		return n
	}
	for range length() {
		word := make([]byte, length()+len("\r\n"))
		if _, err = io.ReadFull(in, word); err != nil {
			return nil, err
		}
		command = append(command, strings.TrimSpace(string(word)))
	}
	return command, err
}

// handle returns the reply to a command and its delay. It is empty if the connection breaks.
func (f *fakeRedis) handle(command []string) (string, time.Duration) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.commands = append(f.commands, strings.Join(command, " "))
	if f.down || f.lost || f.reply != "" {
		return f.reply, f.delay
	}
	reply := f.answer(command)
	if f.cut && command[0] == "SET" {
		reply = ""
	}
	return reply, f.delay
}

func (f *fakeRedis) answer(command []string) string {
	number := func(i int) int { n, _ := strconv.Atoi(command[i]); return n }
	switch strings.ToUpper(command[0]) {
	case "AUTH": // user password
		if command[2] != "n3w" {
			return "-WRONGPASS invalid username-password pair or user is disabled.\r\n"
		}
		return "+OK\r\n"
	case "SET": // key 1 PX ms [NX]
		if len(command) == 6 && f.pttl(command[1]) > 0 {
			return "$-1\r\n"
		}
		f.expire(command[1], number(4))
		return "+OK\r\n"
	case "PTTL":
		return fmt.Sprintf(":%d\r\n", f.pttl(command[1]))
	case "EVAL": // script count key... (cost limit)...
		n := number(2)
		for i := range n {
			key, debt := command[3+i], max(0, f.pttl(command[3+i]))
			if debt > number(3+n+2*i+1) {
				return fmt.Sprintf(":%d\r\n", i)
			}
			f.expire(key, debt+number(3+n+2*i))
		}
		return fmt.Sprintf(":%d\r\n", n)
	}
	return "-ERR unknown command\r\n" // HELLO too: an old Redis
}

func (f *fakeRedis) expire(key string, ms int) {
	f.expires[key] = time.Now().Add(time.Duration(ms) * time.Millisecond)
}

func (f *fakeRedis) pttl(key string) int {
	if left := time.Until(f.expires[key]); left > 0 {
		return int(left.Milliseconds())
	}
	return -2
}

// replica is a [state.Redis] of one gateway. Its counts are guarded by mu.
type replica struct {
	*state.Redis
	mu     sync.Mutex
	errors map[string]int
	up     []bool
}

func (f *fakeRedis) replica(t *testing.T, change ...func(*state.Config)) *replica {
	t.Helper()
	r := &replica{errors: map[string]int{}}
	c := state.Config{
		Redis:   "redis://redis.example",
		OnCheck: func(up bool) { r.mu.Lock(); defer r.mu.Unlock(); r.up = append(r.up, up) },
		OnError: func(operation string) { r.mu.Lock(); defer r.mu.Unlock(); r.errors[operation]++ },
	}
	if f != nil {
		c = c.WithDialer(f.dial)
	}
	for _, change := range change {
		change(&c)
	}
	store, err := state.NewRedis(c, state.NewMemory())
	if err != nil {
		t.Fatal(err)
	}
	r.Redis = store
	t.Cleanup(store.Close)
	return r
}

func newFakeRedis() *fakeRedis { return &fakeRedis{expires: map[string]time.Time{}} }
