package sqlitestore

import (
	"context"
	"database/sql"

	"github.com/ostiary/ostiary/core/domain"
)

// auditChunk holds records that are read whole before anybody is given a part of them: whoever takes their time with a record
// must not keep a connection from others meanwhile. Its memory is used again for each chunk, which makes an export a third
// faster than records of their own.
type auditChunk struct {
	records []domain.AuditRecord
	text    []byte // what the slices of the records lie in
	raw     [6]sql.RawBytes
	seq     int64
	dest    []any
	agent   string // of the record before: mostly the next one has the same
}

func newAuditChunk() *auditChunk {
	c := &auditChunk{records: make([]domain.AuditRecord, 0, scanChunk)}
	c.dest = append(c.dest, &c.seq)
	for i := range c.raw {
		c.dest = append(c.dest, &c.raw[i])
	}
	return c
}

// read reads the records of a query for recordColumns.
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
		c.records = append(c.records, domain.AuditRecord{
			Seq: c.seq, ID: domain.AuditID(public), Public: c.keep(public), IPAddress: string(ip), UserAgent: c.agent,
			ActorSalt: c.keep(actorSalt), Personal: c.keep(personal), PersonalSalt: c.keep(personalSalt),
		})
		return nil
	}, query, args...)
}

// keep returns a copy, nil of nil. A slice that was given out stays whole when the memory has to grow.
func (c *auditChunk) keep(raw sql.RawBytes) []byte {
	if raw == nil {
		return nil
	}
	begin := len(c.text)
	c.text = append(c.text, raw...)
	return c.text[begin:len(c.text):len(c.text)]
}

// lend calls yield for each record.
func (c *auditChunk) lend(yield func(*domain.AuditRecord) error) error {
	for i := range c.records {
		if err := yield(&c.records[i]); err != nil {
			return err
		}
	}
	return nil
}
