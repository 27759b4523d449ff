package database

import "context"

// Nothing is an empty state that can only be read.
var Nothing Reader = nothing{}

type nothing struct{}

func (nothing) Get(context.Context, []byte) ([]byte, error) { return nil, ErrNotFound }

func (nothing) Has(context.Context, []byte) (bool, error) { return false, nil }

func (nothing) GetBatch(_ context.Context, keys [][]byte) ([][]byte, error) {
	return make([][]byte, len(keys)), nil
}

func (nothing) Iterate(context.Context, []byte, []byte) Iterator { return noEntries{} }

type noEntries struct{}

func (noEntries) Next() bool    { return false }
func (noEntries) Key() []byte   { return nil }
func (noEntries) Value() []byte { return nil }
func (noEntries) Err() error    { return nil }
func (noEntries) Close() error  { return nil }
