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

// updateKey is set by the build of a release: the Ed25519 key that release indexes are signed by, 32
// bytes in base64. Without it "update check" believes none.
var updateKey string

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
