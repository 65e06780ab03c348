package faultprovider

import (
	"bytes"
	"compress/gzip"
	"fmt"
	"strings"
)

// lump is what a flood consists of.
func lump() string { return strings.Repeat(" ", 64<<10) }

// bodies are compressed though nobody asked, or have no end.
func bodies() []Fault {
	return []Fault{
		{"gzip", "compresses the reply though it was asked not to", "72", OnPost, sayCompressed},
		{"gzip-bomb", "sends a small compressed body that is as large as the volume", "73", OnPost, dropBomb},
		{"large-body", "announces a body as large as the volume and sends it", "73", OnPost, flood(typeJSON)},
		{"endless-chunks", "sends chunk after chunk up to the volume, and no last one", "73", OnPost, sayEndlessChunks},
	}
}

func sayCompressed(x *exchange) {
	r := x.honest()
	compressed := compress(r.body.Bytes())
	r.body.Reset()
	r.body.Write(compressed)
	r.header.Set("Content-Encoding", "gzip")
	x.answer(r)
}

func compress(text []byte) []byte {
	var b bytes.Buffer
	w := gzip.NewWriter(&b)
	_, _ = w.Write(text) // into memory, which does not fail
	_ = w.Close()
	return b.Bytes()
}

// dropBomb sends one compressed megabyte again and again: RFC 1952 section 2.2
// allows several members one after the other.
func dropBomb(x *exchange) {
	const megabyte = 1 << 20
	member := compress(make([]byte, megabyte))
	times := int(max(x.provider.config.LargeSize/megabyte, 1))
	x.say(fmt.Sprintf("HTTP/1.1 200 OK\r\n%s\r\nContent-Encoding: gzip\r\nContent-Length: %d\r\n\r\n", typeJSON, times*len(member)))
	for range times {
		if x.life.Err() != nil {
			return
		}
		x.say(string(member))
	}
}

// flood announces and sends the volume, under a media type. It is blank: to its
// end nobody can say that it is not JSON.
func flood(mediaType string) func(*exchange) {
	return func(x *exchange) {
		x.say(fmt.Sprintf("HTTP/1.1 200 OK\r\n%s\r\nContent-Length: %d\r\n\r\n", mediaType, x.provider.config.LargeSize))
		x.pour(lump())
	}
}

func sayEndlessChunks(x *exchange) {
	x.say("HTTP/1.1 200 OK\r\n" + typeJSON + "\r\nTransfer-Encoding: chunked\r\n\r\n")
	x.pour(fmt.Sprintf("%x\r\n%s\r\n", len(lump()), lump()))
	x.fallSilent()
}
