package bench

import (
	"crypto/x509"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
)

// Options are what all benchmarks have in common. Child, Cores and Rounds are required.
type Options struct {
	// Child returns a command that runs this program again as one of the proxies that are
	// compared: "millpond", which serves under the settings of its environment, or NAME --listen
	// ADDRESS --upstream URL, which calls ReverseProxy. Either calls TrustOnly with what follows
	// --roots, and ends when its standard input does.
	Child func(args ...string) *exec.Cmd

	// Command returns a command of this program with these arguments, such as "advise"; required
	// where a running Millpond is asked something.
	Command func(args ...string) *exec.Cmd

	Version  string // of Millpond
	Seed     uint64
	Rounds   int // each way is measured once in each
	Cores    int // processor cores that each proxy may use
	Quick    bool
	Progress *Progress // nil shows nothing
}

// generator returns random numbers that are the same in every run with the same seed and stream.
func (o Options) generator(stream int) *rand.Rand {
	return rand.New(rand.NewPCG(o.Seed, uint64(stream)))
}

// describe notes the common settings in a report.
func (o Options) describe(r *Report) {
	r.set("seed", fmt.Sprint(o.Seed))
	r.set("rounds", number(o.Rounds))
	r.set("cores", number(o.Cores))
	if o.Quick {
		r.set("quick", "yes")
		r.note("This was a quick run, to see that everything works: its figures mean nothing.")
	}
}

// order returns the numbers below n, shuffled anew for each round.
func (o Options) order(round, n int) []int { return o.generator(1_000_000 + round).Perm(n) }

// ErrUsage is in every error that says that what was asked for cannot be run.
var ErrUsage = errors.New("it cannot be run")

// usageError is an ErrUsage with words of its own.
type usageError struct{ text string }

func (e *usageError) Error() string        { return e.text }
func (e *usageError) Is(target error) bool { return target == ErrUsage }

// refuse returns an ErrUsage.
func refuse(format string, args ...any) error { return &usageError{fmt.Sprintf(format, args...)} }

// TrustOnly has this process trust the authorities in a file alone, for which GODEBUG must have
// x509usefallbackroots=1. No file changes nothing. It may be called once.
func TrustOnly(file string) error {
	if file == "" {
		return nil
	}
	text, err := os.ReadFile(file)
	if err != nil {
		return fmt.Errorf("read the authorities to trust: %w", err)
	}
	pool := x509.NewCertPool()
	if !pool.AppendCertsFromPEM(text) {
		return fmt.Errorf("%s has no certificate", file)
	}
	x509.SetFallbackRoots(pool)
	return nil
}
