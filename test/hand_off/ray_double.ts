import { once } from "node:events";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { json } from "node:stream/consumers";
import type { JobRequest, JobStatus } from "../../hand_off/ray_jobs.ts";

/** What a job comes to, look by look: its status and what it has written by then; the last stays. */
export type Course = readonly (readonly [JobStatus, string])[];

interface Job {
  readonly request: JobRequest;
  readonly course: Course;
  looks: number;
  message: string | null;
}

/** A refusal, or the connection that breaks off. */
type Fault = number | "broken" | "lost answer";

/**
 * Ray's Jobs interface as its head node has it (2.57): a name that is taken makes it fail with 500, one that is not known is
 * refused with 404, only what has ended can be deleted, and
 * what comes from browsers, or looks so, can only look.
 */
export class RayDouble implements AsyncDisposable {
  readonly jobs: Map<string, Job> = new Map();
  /** Every request, "POST /api/jobs/". */
  readonly asked: string[] = [];
  /** Faults of the next requests, one each. */
  readonly faults: Fault[] = [];
  /** How jobs that are submitted go. */
  course: Course = [["SUCCEEDED", ""]];
  /** Told of a job that was submitted. */
  onSubmit: (request: JobRequest) => Promise<void> = async () => {};
  readonly #server: Server;

  private constructor(server: Server) {
    this.#server = server;
  }

  static async start(): Promise<RayDouble> {
    const server = createServer();
    const double = new RayDouble(server);
    server.on("request", async (request, response) => {
      const { method = "", url = "" } = request;
      double.asked.push(`${method} ${url}`);
      const fault = double.faults.shift();
      if (fault === "broken") return void request.socket.destroy();
      if (typeof fault === "number") return void response.writeHead(fault).end("a fault of the double");
      if (method !== "GET" && "sec-fetch-mode" in request.headers)
        return void response.writeHead(405).end(`'${method}' method not allowed for browser traffic.`);
      const body = method === "POST" && url === "/api/jobs/" ? ((await json(request)) as JobRequest) : null;
      const [status, answer] = await double.#answer(method, url, body);
      if (fault === "lost answer") return void request.socket.destroy();
      const text = typeof answer === "string" ? answer : JSON.stringify(answer);
      response.writeHead(status, { "content-type": "application/json" }).end(text);
    });
    server.listen(0, "127.0.0.1");
    await once(server, "listening");
    return double;
  }

  get url(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  async #answer(method: string, url: string, body: JobRequest | null): Promise<[number, unknown]> {
    if (body) return this.#submit(body);
    const [, id = "", what] = /^\/api\/jobs\/([^/]+)(?:\/(\w+))?$/.exec(url) ?? [];
    const job = this.jobs.get(id);
    if (!job) return [404, `Job ${id} does not exist`];
    const [status, log] = job.course[Math.min(job.looks, job.course.length - 1)] as [JobStatus, string];
    if (method === "GET" && what === "logs") {
      job.looks++;
      return [200, { logs: log }];
    }
    const hasEnded = status !== "PENDING" && status !== "RUNNING";
    if (method === "POST" && what === "stop") {
      if (!hasEnded) this.jobs.set(id, { ...job, course: [["STOPPED", log]], looks: 0 });
      return [200, { stopped: !hasEnded }];
    }
    if (method === "DELETE")
      return hasEnded ? [200, { deleted: this.jobs.delete(id) }] : [400, "is not in a terminal state"];
    return [200, { type: "SUBMISSION", submission_id: id, status, message: job.message, error_type: null }];
  }

  async #submit(request: JobRequest): Promise<[number, unknown]> {
    const { submission_id: id } = request;
    if (this.jobs.has(id))
      return [
        500,
        `ValueError: Job with submission_id ${id} already exists. Please use a different submission_id.`,
      ];
    this.jobs.set(id, { request, course: this.course, looks: 0, message: null });
    await this.onSubmit(request);
    return [200, { job_id: id, submission_id: id }];
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#server.closeAllConnections();
    this.#server.close();
    await once(this.#server, "close");
  }
}
