package wire

import "bytes"

// ParseResponseLenient reads what ParseResponse refused as Lenient. It accepts
// lines that end in a bare LF (RFC 9112, section 2.2) and folded values, whose
// line breaks become spaces (section 5.2), and is as strict as ParseResponse in
// all else. It works on a copy, which the fields of r are slices of; n counts
// the bytes of b.
func ParseResponseLenient(b []byte, r *Response) (n int, err error) {
	p := newParser(b)
	head := make([]byte, 0, min(len(b), MaxHead)+64)
	for at, lines := 0, 0; ; lines++ {
		i := bytes.IndexByte(p.b[at:], '\n')
		if i < 0 {
			if p.whole {
				return 0, &SyntaxError{Offset: at, What: "head is too large", TooLarge: true}
			}
			return 0, ErrShort
		}
		line := bytes.TrimSuffix(p.b[at:at+i], []byte("\r"))
		folded := len(line) > 0 && (line[0] == ' ' || line[0] == '\t')
		if folded && lines > 1 { // not right behind the status line
			if line = trimSpace(line); len(line) == 0 {
				return 0, refuse(at, "folded line that is empty")
			}
			head = append(bytes.TrimRight(head[:len(head)-2], " \t"), ' ')
		}
		head = append(append(head, line...), '\r', '\n')
		if at += i + 1; len(line) == 0 {
			n = at
			break
		}
	}
	if _, err := ParseResponse(head, r); err != nil {
		return 0, err
	}
	return n, nil
}
