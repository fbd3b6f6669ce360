// Command millpondd is Millpond's daemon and its command line: a local HTTP proxy that
// keeps warm, healthy connections to the APIs of coding agents and coordinators.
package main

import (
	"context"
	"os"
	"os/signal"
	"syscall"
)

// version is set by the build (-ldflags "-X main.version=1.2.3"); "" means that of the module.
var version string

func main() {
	os.Exit(interruptible())
}

// interruptible runs the command line until it is done or a signal asks it to stop. A
// second signal ends it at once.
func interruptible() int {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	context.AfterFunc(ctx, stop)
	return run(ctx, os.Args[1:], streams{in: os.Stdin, out: os.Stdout, err: os.Stderr}, os.Environ())
}
