//go:build !linux

package main

import (
	"errors"
	"time"
)

func sleep(d time.Duration) { time.Sleep(d) }

func execWithSlack([]string) error { return errors.ErrUnsupported }
