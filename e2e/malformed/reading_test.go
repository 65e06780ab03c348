package main

import (
	"strings"
	"testing"
)

// What is wrong with a stream is found, whoever sends it.

const wellFormed = "POST /t HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\nxxGET /u HTTP/1.1\r\nHost: a\r\nX: \xe9 \t\r\n\r\n" +
	"PUT /v HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nxx\r\n0\r\nX: y\r\n\r\n"

func TestWellFormedRequestsHaveNoFaults(t *testing.T) {
	for i := range len(wellFormed) + 1 { // broken off anywhere
		if strings.HasSuffix(wellFormed[:i], "\r") {
			continue // half a line end is a whole one to those who take a CR alone
		}
		if faults := faultsOf(wellFormed[:i]); len(faults) > 0 {
			t.Errorf("%q: %q", wellFormed[:i], faults)
		}
	}
	if read, err := strict(wellFormed); err != nil || lines(read) != "POST /t HTTP/1.1\nGET /u HTTP/1.1\nPUT /v HTTP/1.1\n" {
		t.Errorf("read %q, %v", lines(read), err)
	}
}

func TestEachFaultIsFound(t *testing.T) {
	for _, change := range [][2]string{
		{"Host: a\r\nContent", "Host: a\nContent"}, {"Host: a\r\nContent", "Host: a\rContent"},
		{"Host: a\r\nContent", "Content"}, {"Host: a\r\nContent", "Host: a\r\nHost: a\r\nContent"},
		{"Host: a\r\nContent", "Host: a\r\n b\r\nContent"}, {"Host: a\r\nContent", "Host : a\r\nContent"},
		{"Host: a\r\nContent", "Host: a\x00\r\nContent"}, {"Host: a\r\nContent", "Host: a\x0b\r\nContent"},
		{"Length: 2", "Length: +2"}, {"Length: 2", "Length: 2\r\nContent-Length: 2"},
		{"Length: 2", "Length: 2\r\nTransfer-Encoding: chunked"},
		{"Encoding: chunked", "Encoding: gzip, chunked"}, {"Encoding: chunked", "Encoding: chunKED"},
		{"\r\n2\r\nxx", "\r\n2;a\r\nxx"}, {"\r\n2\r\nxx", "\r\n2\nxx"}, {"\r\n2\r\nxx", "\r\n0x2\r\nxx"},
		{"xx\r\n0", "xxx\r\n0"}, {"X: y", "X y"}, {"GET /u", "GET  /u"}, {"GET /u", "GET u"},
		{"/u HTTP/1.1", "/u HTTP/1.0"}, {"/u HTTP/1.1", "/\x7f HTTP/1.1"}, {"GET", "\r\nGET"},
	} {
		stream := strings.Replace(wellFormed, change[0], change[1], 1)
		if len(faultsOf(stream)) == 0 {
			t.Errorf("nothing is wrong with %q", change)
		}
	}
}

func TestAttemptsAreJudged(t *testing.T) {
	served := outcome{answers: []answer{{200, true}}, early: 1, streams: []string{"GET /u HTTP/1.1\r\nHost: a\r\n\r\n"}}
	if faults := served.faults(); len(faults) > 0 {
		t.Errorf("a request that was served: %q", faults)
	}
	hidden := served
	hidden.streams = []string{served.streams[0] + served.streams[0]}
	silent := outcome{}
	for name, o := range map[string]outcome{"a request out of another": hidden, "no answer": silent, "no HTTP": {answers: []answer{{}}, early: 1}, "a redirect": {answers: []answer{{302, false}}, early: 1}, "a connection that hangs": {open: true, hangs: true}} {
		if len(o.faults()) == 0 {
			t.Errorf("%s is no fault", name)
		}
	}
}
