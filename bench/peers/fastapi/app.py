"""The stack that the suite's guide was first written for: three routes as its users would write them.

Run by `uvicorn --loop uvloop --http httptools --workers 1`, access log on. It checks no token and keeps no metrics.
"""
import os
from datetime import datetime
from uuid import UUID, uuid4

import asyncpg
from fastapi import FastAPI, HTTPException
from pydantic import BaseModel, Field

app = FastAPI(title="Notes")


class NewNote(BaseModel):
    title: str = Field(min_length=1, max_length=200)
    body: str = Field("", max_length=20_000)
    done: bool = False


class Note(NewNote):
    id: UUID
    owner_id: str
    version: int
    created_at: datetime
    updated_at: datetime


@app.on_event("startup")
async def open_pool():
    app.state.pool = await asyncpg.create_pool(os.environ["DATABASE_URL"], min_size=10, max_size=10)


@app.on_event("shutdown")
async def close_pool():
    await app.state.pool.close()


@app.get("/health")
async def health():
    return {"status": "ok", "service": "notes"}


@app.post("/notes", response_model=Note, status_code=201)
async def create_note(note: NewNote):
    async with app.state.pool.acquire() as connection:
        row = await connection.fetchrow(
            "insert into notes (id, owner_id, title, body, done) values ($1, $2, $3, $4, $5) returning *",
            uuid4(), "01900000-0000-7000-8000-000000000002", note.title, note.body, note.done,
        )
    return dict(row)


@app.get("/notes/{id}", response_model=Note)
async def read_note(id: UUID):
    async with app.state.pool.acquire() as connection:
        row = await connection.fetchrow("select * from notes where id = $1", id)
    if row is None:
        raise HTTPException(status_code=404, detail="Not found")
    return dict(row)
