package wire

import (
	"errors"
	"flag"
	"testing"

	"millpond/proxy/mutate"
)

var mutations = flag.Int("wire.mutations", 50_000,
	"how many mutated requests to compare with net/http; responses are a fifth of it, and 20,000 at least")

// Nothing is accepted that net/http refuses or reads otherwise, however the
// bytes are cut (RFC 9112, section 11.2), and nothing panics.
func TestDifferential(t *testing.T) {
	t.Run("requests", func(t *testing.T) {
		m := mutate.New(1, mutate.Requests)
		o := newOracle()
		var r Request
		accepted := 0
		for range *mutations {
			b := m.Next()
			if compareRequest(t, o, b, &r) {
				accepted++
			}
			checkPrefixes(t, m, b, func(b []byte) (int, error) { return ParseRequest(b, &r) })
		}
		reportAccepted(t, accepted, *mutations)
	})
	t.Run("responses", func(t *testing.T) {
		m := mutate.New(2, mutate.Responses)
		o := newOracle()
		var r Response
		total, accepted, lenient := max(20_000, *mutations/5), 0, 0
		for range total {
			b := m.Next()
			method := [...]string{"GET", "POST", "HEAD", "CONNECT"}[m.Rand.IntN(4)]
			ok, soft := compareResponse(t, o, b, method, &r)
			if ok {
				accepted++
			}
			if ok && soft {
				lenient++
			}
			checkPrefixes(t, m, b, func(b []byte) (int, error) { return ParseResponse(b, &r) })
		}
		t.Logf("%d of them leniently", lenient)
		reportAccepted(t, accepted, total)
	})
}

// reportAccepted fails when so little was accepted that the comparison would
// prove nothing.
func reportAccepted(t *testing.T, accepted, total int) {
	t.Helper()
	t.Logf("%d of %d mutated messages accepted, all as net/http reads them", accepted, total)
	if accepted < total/20 || accepted > total*19/20 {
		t.Errorf("got %d of %d accepted; want a mixture", accepted, total)
	}
}

// checkPrefixes checks that a beginning of b is either short or already what b
// is, and that HeadReady never keeps a caller from a head that is there.
func checkPrefixes(t *testing.T, m *mutate.Mutator, b []byte, parse func([]byte) (int, error)) {
	t.Helper()
	n, whole := parse(b)
	cut := m.Rand.IntN(len(b) + 1)
	got, err := parse(b[:cut])
	if err != ErrShort && (got != n || !sameError(err, whole)) {
		t.Fatalf("%q cut at %d: got %d, %v; want %d, %v", b, cut, got, err, n, whole)
	}
	next, _ := HeadReady(b[:cut], 0)
	if next, ready := HeadReady(b, next); err == ErrShort && whole == nil && !ready {
		t.Fatalf("%q cut at %d: a head that HeadReady does not see, at %d", b, cut, next)
	}
}

func sameError(a, b error) bool {
	var x, y *SyntaxError
	if errors.As(a, &x) && errors.As(b, &y) {
		return *x == *y
	}
	return a == b
}
