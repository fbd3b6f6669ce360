package listener

import (
	"bufio"
	"bytes"
	"encoding/hex"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
)

// tcpListen is the state of a listening socket in /proc/net/tcp (proc(5), include/net/tcp_states.h).
const tcpListen = "0A"

// holderOf finds the process that listens where addr wants to: the socket's inode from /proc/net/tcp
// and tcp6, then the process with that socket among its open files. Another user's process shows only
// its user.
func holderOf(addr netip.AddrPort) holder {
	for _, name := range []string{"/proc/net/tcp", "/proc/net/tcp6"} {
		b, err := os.ReadFile(name)
		if err != nil {
			continue
		}
		for _, s := range listeningIn(b) {
			if s.blocks(addr) {
				return processOf(s)
			}
		}
	}
	return holder{}
}

// listening is one row of /proc/net/tcp.
type listening struct {
	addr  netip.AddrPort
	uid   int
	inode string
}

// blocks reports whether the socket keeps others from listening on addr.
func (l listening) blocks(addr netip.AddrPort) bool {
	if l.addr.Port() != addr.Port() {
		return false
	}
	mine, other := addr.Addr(), l.addr.Addr()
	return mine == other || mine.IsUnspecified() || other.IsUnspecified()
}

// listeningIn reads the rows in state LISTEN.
func listeningIn(table []byte) []listening {
	var rows []listening
	for line := range bytes.Lines(table) {
		f := strings.Fields(string(line))
		if len(f) < 10 || f[3] != tcpListen {
			continue
		}
		addr, ok := parseProcAddr(f[1])
		uid, err := strconv.Atoi(f[7])
		if ok && err == nil {
			rows = append(rows, listening{addr, uid, f[9]})
		}
	}
	return rows
}

// parseProcAddr reads "0100007F:1EB4": words of 32 bits in the machine's order, which is the little
// end first on all that Millpond is built for, and the port in hex.
func parseProcAddr(s string) (netip.AddrPort, bool) {
	hexIP, hexPort, _ := strings.Cut(s, ":")
	b, err := hex.DecodeString(hexIP)
	port, perr := strconv.ParseUint(hexPort, 16, 16)
	if err != nil || perr != nil || len(b)%4 != 0 {
		return netip.AddrPort{}, false
	}
	for word := range slices.Chunk(b, 4) {
		slices.Reverse(word)
	}
	ip, ok := netip.AddrFromSlice(b)
	return netip.AddrPortFrom(ip.Unmap(), uint16(port)), ok
}

// processOf finds the process that has the socket open.
func processOf(s listening) holder {
	want := "socket:[" + s.inode + "]"
	files, _ := filepath.Glob("/proc/[0-9]*/fd/*")
	for _, file := range files {
		if target, err := os.Readlink(file); err != nil || target != want {
			continue
		}
		dir := filepath.Dir(filepath.Dir(file))
		pid, err := strconv.Atoi(filepath.Base(dir))
		if err != nil {
			continue
		}
		name, err := os.ReadFile(filepath.Join(dir, "comm"))
		if err != nil {
			continue // it has just ended
		}
		return holder{pid: pid, process: strings.TrimSpace(string(name))}
	}
	if s.uid == overflowUID {
		return holder{} // of a user whom our user name space does not know, as in a confined service
	}
	return holder{owner: userName(s.uid)}
}

// overflowUID stands for all users of whom a user name space does not know (user_namespaces(7)).
const overflowUID = 65534

// userName looks a user up in /etc/passwd.
func userName(uid int) string {
	f, err := os.Open("/etc/passwd")
	if err != nil {
		return ownerName(uid)
	}
	defer f.Close()
	for sc := bufio.NewScanner(f); sc.Scan(); {
		if p := strings.Split(sc.Text(), ":"); len(p) > 2 && p[2] == strconv.Itoa(uid) {
			return p[0]
		}
	}
	return ownerName(uid)
}

// ownerName is how a message calls the user whose name cannot be found.
func ownerName(uid int) string { return "number " + strconv.Itoa(uid) }
