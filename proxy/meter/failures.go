package meter

import (
	"sync"
	"time"
)

// MaxFailures is how many of the last failures are kept.
const MaxFailures = 50

// A Failure is a request that failed or that we refused.
type Failure struct {
	At       time.Time
	Upstream string // "" when none was chosen
	Outcome  Outcome
	Status   int
	Code     string // stable
	Err      string // a sentence for a person; may be empty
}

// Reason returns the sentence, or else the code.
func (f Failure) Reason() string {
	if f.Err != "" {
		return f.Err
	}
	return f.Code
}

// failures is the ring of the last failures and the last one of each upstream.
type failures struct {
	mu sync.Mutex
	// mu guards what follows.
	ring [MaxFailures]Failure
	n    int       // ever added
	last []Failure // by index in the registry; a zero At means none
}

func (f *failures) add(up int, r *Record) {
	entry := Failure{At: r.At, Upstream: r.Upstream, Outcome: r.Outcome, Status: r.Status, Code: r.Code, Err: brief(r.Err)}
	f.mu.Lock()
	defer f.mu.Unlock()
	f.ring[f.n%MaxFailures] = entry
	f.n++
	if up == none {
		return
	}
	for len(f.last) <= up {
		f.last = append(f.last, Failure{})
	}
	f.last[up] = entry
}

// brief cuts an error to a length that fifty of them may have.
func brief(s string) string {
	const most = 300
	if len(s) <= most {
		return s
	}
	cut := most
	for cut > 0 && s[cut]&0xC0 == 0x80 { // not within a character of UTF-8
		cut--
	}
	return s[:cut] + "…"
}

func (f *failures) newest() []Failure {
	f.mu.Lock()
	defer f.mu.Unlock()
	n := min(f.n, MaxFailures)
	list := make([]Failure, 0, n)
	for i := 1; i <= n; i++ {
		list = append(list, f.ring[(f.n-i)%MaxFailures])
	}
	return list
}

func (f *failures) lastOf(up int) (string, time.Time) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if up >= len(f.last) {
		return "", time.Time{}
	}
	return f.last[up].Reason(), f.last[up].At
}
