package main

import (
	"os"
	"runtime"
	"syscall"
	"time"
)

// sleep is accurate to 0.1 ms; [time.Sleep] is accurate to 1 ms. A signal may end it
// early.
func sleep(d time.Duration) {
	wait := syscall.NsecToTimespec(d.Nanoseconds())
	_ = syscall.Nanosleep(&wait, nil)
}

// execWithSlack replaces this process by a program whose threads have a timer slack of
// 1 ms, as TimerSlackNSec=1ms of systemd does. It returns only with an error.
func execWithSlack(command []string) error {
	runtime.LockOSThread() // the slack is that of a thread, and exec keeps it
	if _, _, err := syscall.RawSyscall(syscall.SYS_PRCTL, syscall.PR_SET_TIMERSLACK, uintptr(time.Millisecond), 0); err != 0 {
		return err
	}
	return syscall.Exec(command[0], command, os.Environ())
}
