package errcode

import (
	"regexp"
	"strconv"
	"strings"
)

var number = regexp.MustCompile(`REEVE-(\d{4})`)

// Named returns the exit code of the first error whose number stands in a text; Failed when there is none.
func Named(text string) Code {
	m := number.FindStringSubmatch(text)
	if m == nil {
		return Failed
	}
	id, _ := strconv.Atoi(m[1]) // they are digits
	return ID(id).exit()
}

// Read finds the last error in what a program has printed, as that program meant it; nil when there is none.
func Read(lines []string) *Error {
	for i := len(lines) - 1; i >= 0; i-- {
		m := number.FindStringSubmatchIndex(lines[i])
		if m == nil || m[0] != 0 {
			continue
		}
		id, _ := strconv.Atoi(lines[i][m[2]:m[3]])
		return New(ID(id), strings.Join(Advice(lines[i+1:]), "\n  "), nil, "%s", strings.TrimPrefix(lines[i][m[1]:], ": "))
	}
	return nil
}

// Advice is the part of what follows an error's line that says what to do.
func Advice(lines []string) (advice []string) {
	for _, line := range lines {
		if !strings.HasPrefix(line, "  ") {
			break
		}
		advice = append(advice, strings.TrimPrefix(line, "  "))
	}
	return advice
}
