// Package rounds is the tiny language between whoever compares and whoever is measured: one JSON line orders a round,
// one JSON line says what it cost. The peers of cmd/internal/peerbench speak it and so do Reeve's own measuring
// processes, so the comparison drives both alike and nothing but the system under test differs.
//
// It starts processes and reads clocks; it never computes a statistic over more than one round.
package rounds

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
)

// Order asks for one round: do Op N times with payloads of Size bytes.
type Order struct {
	Op   string `json:"op"`
	Size int    `json:"size"`
	N    int    `json:"n"`
}

// Result is what one round cost. Times are nanoseconds; CPU is that of all processes that took part, per operation.
// A round that failed has Error and nothing else that means anything.
type Result struct {
	Op        string  `json:"op"`
	Peer      string  `json:"peer"`
	Size      int     `json:"size"`
	N         int     `json:"n"`
	P50       float64 `json:"p50Nanos,omitempty"`
	P99       float64 `json:"p99Nanos,omitempty"`
	CPU       float64 `json:"cpuNanos"`
	PerSecond float64 `json:"perSecond"`
	Bytes     float64 `json:"bytes,omitempty"` // memory, where the round is about it
	Bound     float64 `json:"bound,omitempty"` // what Bytes was promised never to exceed
	Error     string  `json:"error,omitempty"`
}

// Serve answers every order on in with one line on out until in ends. A line that is no order is answered with an
// error, so that the two sides never get out of step.
func Serve(in io.Reader, out io.Writer, play func(Order) Result) error {
	lines, results := bufio.NewScanner(in), json.NewEncoder(out)
	for lines.Scan() {
		var order Order
		var result Result
		if err := json.Unmarshal(lines.Bytes(), &order); err != nil {
			result.Error = fmt.Sprintf("not an order: %v", err)
		} else {
			result = play(order)
		}
		if err := results.Encode(result); err != nil {
			return err
		}
	}
	return lines.Err()
}
