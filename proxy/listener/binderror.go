package listener

import (
	"errors"
	"fmt"
	"net/netip"
	"runtime"
	"syscall"
)

// A Reason says why an address could not be bound.
type Reason string

// The reasons, which are also codes for a person's language.
const (
	BadAddress   Reason = "bad_address"   // not a host and a port
	TokenMissing Reason = "token_missing" // others could reach it, and no token is configured
	PortInUse    Reason = "port_in_use"   // another program listens there
	PortReserved Reason = "port_reserved" // Windows keeps the port's range for itself
	NotPermitted Reason = "not_permitted" // a port below 1024
	NotLocal     Reason = "not_local"     // the machine has no such address
	CannotListen Reason = "cannot_listen" // anything else
)

// Winsock's numbers; package syscall gives these names to numbers of its own on Windows.
const (
	wsaEACCES        = syscall.Errno(10013)
	wsaEAFNOSUPPORT  = syscall.Errno(10047)
	wsaEADDRINUSE    = syscall.Errno(10048)
	wsaEADDRNOTAVAIL = syscall.Errno(10049)
)

// A BindError says why an address could not be listened on and what to do about it.
type BindError struct {
	Address string // as configured
	Reason  Reason
	PID     int    // of the program that holds the port; 0 if unknown
	Process string // its name; "" if unknown
	Owner   string // the user it runs as, where its name is hidden from us; "" if unknown
	Port    uint16
	Err     error // the cause; nil for TokenMissing
}

// Error says it in a sentence, with what to do next.
func (e *BindError) Error() string {
	return fmt.Sprintf("listen on %s: %s", e.Address, e.explain(runtime.GOOS))
}

// Unwrap returns the system's error.
func (e *BindError) Unwrap() error { return e.Err }

func (e *BindError) explain(goos string) string {
	switch e.Reason {
	case BadAddress:
		return fmt.Sprintf("it is not a host and a port (%v); write it like 127.0.0.1:7860", e.Err)
	case TokenMissing:
		return "other machines could reach it, and listen.token is not set; set a token, or listen on 127.0.0.1 or localhost"
	case PortInUse:
		return e.explainInUse(goos)
	case PortReserved:
		return fmt.Sprintf("Windows keeps port %d in a reserved range, or a program holds it alone; no other program need be using it. "+
			"See the ranges with \"netsh interface ipv4 show excludedportrange protocol=tcp\" and choose a port outside them in listen.address", e.Port)
	case NotPermitted:
		return fmt.Sprintf("the system does not let this user listen on port %d; choose one above 1023 in listen.address", e.Port)
	case NotLocal:
		return fmt.Sprintf("this machine has no such address (%v); listen on 127.0.0.1 or localhost", e.Err)
	}
	return fmt.Sprintf("%v; choose another listen.address", e.Err)
}

func (e *BindError) explainInUse(goos string) string {
	const next = "stop it, or choose another port in listen.address"
	switch {
	case e.PID != 0:
		return fmt.Sprintf("port %d is in use by %s (pid %d); %s", e.Port, e.Process, e.PID, next)
	case e.Owner != "":
		return fmt.Sprintf("port %d is in use by a program of user %s; see it with \"sudo ss -ltnp sport = :%d\", then %s", e.Port, e.Owner, e.Port, next)
	}
	command := fmt.Sprintf("lsof -nP -iTCP:%d -sTCP:LISTEN", e.Port)
	switch goos {
	case "windows":
		command = fmt.Sprintf("netstat -ano -p TCP | findstr :%d", e.Port)
	case "linux":
		command = fmt.Sprintf("sudo ss -ltnp sport = :%d", e.Port)
	}
	return fmt.Sprintf("port %d is in use; see by which program with \"%s\", then %s", e.Port, command, next)
}

// bindError gives the system's error for addr its reason, and asks who holds a port in use.
func bindError(address string, addr netip.AddrPort, err error) *BindError {
	e := &BindError{Address: address, Reason: reasonOf(runtime.GOOS, err), Port: addr.Port(), Err: err}
	if e.Reason == PortInUse {
		h := holderOf(addr)
		e.PID, e.Process, e.Owner = h.pid, h.process, h.owner
	}
	return e
}

// A holder is the program that listens on a port, as far as the system tells.
type holder struct {
	pid            int
	process, owner string
}

// reasonOf tells the system's errors apart. On Windows, error 10013 does not mean that the port is in
// use: Hyper-V and others reserve ranges in which nobody may listen.
func reasonOf(goos string, err error) Reason {
	var n syscall.Errno
	if !errors.As(err, &n) {
		return CannotListen
	}
	if goos == "windows" {
		switch n {
		case wsaEACCES:
			return PortReserved
		case wsaEADDRINUSE:
			return PortInUse
		case wsaEADDRNOTAVAIL, wsaEAFNOSUPPORT:
			return NotLocal
		}
		return CannotListen
	}
	switch n {
	case syscall.EADDRINUSE:
		return PortInUse
	case syscall.EACCES, syscall.EPERM:
		return NotPermitted
	case syscall.EADDRNOTAVAIL, syscall.EAFNOSUPPORT:
		return NotLocal
	}
	return CannotListen
}
