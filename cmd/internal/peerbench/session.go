package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
)

// round is one order: do this operation n times with payloads of this many bytes.
type round struct {
	Op   string `json:"op"` // "ask" or "flood"
	Size int    `json:"size"`
	N    int    `json:"n"`
}

// result is what one round cost. Times are nanoseconds; CPU is that of all processes that took part, per ask or
// message. A round that failed has Error and nothing else that means anything.
type result struct {
	Op        string  `json:"op"`
	Peer      string  `json:"peer"`
	Size      int     `json:"size"`
	N         int     `json:"n"`
	P50       float64 `json:"p50Nanos,omitempty"`
	P99       float64 `json:"p99Nanos,omitempty"`
	CPU       float64 `json:"cpuNanos"`
	PerSecond float64 `json:"perSecond"`
	Error     string  `json:"error,omitempty"`
}

// playLines answers every order read from in with one line on out, until in ends. A line that is no order is
// answered with an error, so that the two sides never get out of step.
func playLines(in io.Reader, out io.Writer, play func(round) result) error {
	lines := bufio.NewScanner(in)
	for lines.Scan() {
		var order round
		var res result
		if err := json.Unmarshal(lines.Bytes(), &order); err != nil {
			res.Error = fmt.Sprintf("not an order: %v", err)
		} else {
			res = play(order)
		}
		if err := report(out, res); err != nil {
			return err
		}
	}
	return lines.Err()
}

func report(out io.Writer, res result) error {
	return json.NewEncoder(out).Encode(res)
}
