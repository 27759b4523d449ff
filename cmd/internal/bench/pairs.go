package bench

import (
	"fmt"
	"slices"
)

// Ratio is how one side compares with the other over paired rounds.
type Ratio struct {
	Median, Min, Max float64
}

// Paired divides ours by peer round by round. A round where the peer's figure is not positive is left out; with no
// round left the zero Ratio says that there is nothing to compare.
func Paired(ours, peer []float64) Ratio {
	var ratios []float64
	for i := range min(len(ours), len(peer)) {
		if peer[i] > 0 {
			ratios = append(ratios, ours[i]/peer[i])
		}
	}
	if len(ratios) == 0 {
		return Ratio{}
	}
	return Ratio{Median: Median(ratios), Min: slices.Min(ratios), Max: slices.Max(ratios)}
}

// Median of the values, the mean of the middle two when their number is even, zero when there are none.
func Median(values []float64) float64 {
	if len(values) == 0 {
		return 0
	}
	sorted := slices.Sorted(slices.Values(values))
	middle := len(sorted) / 2
	if len(sorted)%2 == 1 {
		return sorted[middle]
	}
	return (sorted[middle-1] + sorted[middle]) / 2
}

// InTurn plays every side once per round and returns the figures per side, in the order of the rounds. Every second
// round goes backwards, so that a machine that slowly gets busier favours nobody. The first error ends it.
func InTurn[T any](rounds int, sides ...func() (T, error)) ([][]T, error) {
	figures := make([][]T, len(sides))
	for r := range rounds {
		for i := range sides {
			if r%2 == 1 {
				i = len(sides) - 1 - i
			}
			figure, err := sides[i]()
			if err != nil {
				return nil, fmt.Errorf("round %d: %w", r+1, err)
			}
			figures[i] = append(figures[i], figure)
		}
	}
	return figures, nil
}

// Column takes one figure out of every result of a side.
func Column[T any](results []T, figure func(T) float64) []float64 {
	column := make([]float64, 0, len(results))
	for _, r := range results {
		column = append(column, figure(r))
	}
	return column
}
