package pool

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"os"
)

// Codes name what went wrong, in the field X-Millpond-Error and in the log. They
// are stable: scripts and locales key on them.
const (
	CodeConnect      = "upstream_connect"  // refused, unreachable, or no answer in time
	CodeDNS          = "upstream_dns"      // the name did not resolve
	CodeTLS          = "upstream_tls"      // handshake or certificate
	CodeClosed       = "upstream_closed"   // closed before an answer
	CodeReset        = "upstream_reset"    // reset before or within an answer
	CodeProtocol     = "upstream_protocol" // an answer that is not HTTP, or not the HTTP asked for
	CodeTimeout      = "upstream_timeout"  // no response head in time
	CodeStreamIdle   = "stream_idle"       // an answer that stopped coming
	CodeRefused      = "upstream_refused"  // HTTP/2: the peer said that it did not act
	CodeEgressAuth   = "egress_auth"       // the egress proxy wants other credentials
	CodeEgressFailed = "egress_failed"     // the egress proxy cannot be reached, or cannot reach the upstream
	CodeWaitTimeout  = "pool_wait_timeout" // no connection came free within wait_timeout
	CodeQueueFull    = "pool_queue_full"   // more than max_waiting would wait
	CodeClientBody   = "client_body"       // the client's body could not be read to its end
	CodeCancelled    = "client_cancelled"  // the client left
	CodeShutdown     = "shutting_down"     // the pool is closed
	CodeInternal     = "internal"          // a mistake of ours: see rescue
)

// A Phase says how far a request had come.
type Phase uint8

// The phases of a request, in order.
const (
	PhaseQueue Phase = iota // waiting for a connection
	PhaseDial               // connecting: nothing of the request can have left
	PhaseSend               // the request is being written, or its answer awaited
	PhaseBody               // the head of the answer has come
)

// A Failure is an error with the facts that decide whether the request may be
// sent again (proxy/replay). The zero value of each fact is the cautious one.
type Failure struct {
	Phase    Phase
	Code     string // one of the codes above
	Err      error  // the cause; for the log, never for the client
	Sent     bool   // at least one byte of the request was written to the raw connection
	Answered bool   // at least one byte of the answer was read
	Reused   bool   // the connection had carried a request before, or had been idle
	Refused  bool   // HTTP/2: the peer states that it did not process the request (RFC 9113, sections 6.8 and 8.7)
	Lasting  bool   // trying again cannot help before somebody changes something (certificate, credentials, settings)
}

// Error returns the code and the cause.
func (f *Failure) Error() string {
	if f.Err == nil {
		return f.Code
	}
	return f.Code + ": " + f.Err.Error()
}

// Unwrap returns the cause.
func (f *Failure) Unwrap() error { return f.Err }

// dialFailure says what kept a connection from being made.
func dialFailure(err error) *Failure {
	f := &Failure{Phase: PhaseDial, Code: CodeConnect, Err: err}
	var own *Failure
	if errors.As(err, &own) {
		own.Phase = PhaseDial
		return own
	}
	var dns *net.DNSError
	if errors.As(err, &dns) {
		f.Code = CodeDNS
	}
	return f
}

// tlsFailure says what kept a handshake from finishing. A certificate that does
// not verify stays so until somebody mends it.
func tlsFailure(err error) *Failure {
	f := &Failure{Phase: PhaseDial, Code: CodeTLS, Err: fmt.Errorf("TLS handshake: %w", err)}
	var verify *tls.CertificateVerificationError
	var host x509.HostnameError
	said := alerted(err)
	f.Lasting = errors.As(err, &verify) || errors.As(err, &host) || said != "" && said != alertInternal
	return f
}

// Alerts as crypto/tls words them; their type is not exported.
const (
	alertNoProtocol = "tls: no application protocol" // RFC 7301, section 3.2
	alertInternal   = "tls: internal error"
)

// alerted returns the alert by which the peer ended a handshake, or "".
func alerted(err error) string {
	var op *net.OpError
	if errors.As(err, &op) && op.Op == "remote error" {
		return op.Err.Error()
	}
	return ""
}

// closedCode tells a close from a reset from a silence.
func closedCode(err error) string {
	switch {
	case errors.Is(err, context.Canceled):
		return CodeCancelled
	case errors.Is(err, os.ErrDeadlineExceeded), errors.Is(err, context.DeadlineExceeded):
		return CodeTimeout
	case isReset(err):
		return CodeReset
	}
	return CodeClosed
}
