// Renders one run with Allure 3: told.json says what the bench knows. Needs Node 22: Allure's quality gate does.
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { pathToFileURL } from "node:url";

const told = JSON.parse(readFileSync(process.argv[2], "utf8"));
const load = (name) => import(pathToFileURL(createRequire(told.allure).resolve(name)));
const { AllureReport, resolveConfig } = await load("@allurereport/core");

// A test that the firmware has nothing for counts nowhere; the verdict page, which is attached, lists them.
const counts = (result) => labelOf(result, "outcome") !== told.leftOut;
const labelOf = (result, name) => result.labels.find((label) => label.name === name)?.value;
const roundOf = (result) => result.parameters.find(({ name }) => name === "round")?.value ?? "1";
const placeOf = (result) => JSON.stringify([labelOf(result, "test"), labelOf(result, "board"), roundOf(result)]);

// The gate is never greener than the bench's own verdict, which knows more than Allure's results: boards, limits, lost rows.
const verdictRule = {
  rule: "verdict of the bench",
  message: ({ actual }) => actual,
  successMessage: ({ actual }) => actual,
  validate: async ({ expected }) => ({ success: expected.ok, actual: expected.text, testResults: [] }),
};
const plannedRule = {
  rule: "planned tests",
  message: ({ actual, expected }) => `${actual} of ${expected} are in this report`,
  successMessage: ({ actual, expected }) => `${actual} of ${expected} are in this report`,
  validate: async ({ trs, expected }) => ({ success: trs.length >= expected, actual: trs.length, testResults: [] }),
};
const limitRules = told.limits.map(({ id }) => ({
  rule: id,
  message: ({ actual, expected }) => `${actual} results; at most ${expected} are allowed`,
  successMessage: ({ actual, expected }) => `${actual} results; at most ${expected} are allowed`,
  validate: async ({ trs, expected }) => ({
    success: trs.length <= expected,
    actual: trs.length,
    testResults: trs.map((result) => result.id),
  }),
}));
const limits = told.limits.map(({ id, outcomes, most, controls, excused }) => {
  const places = new Set(excused.map((place) => JSON.stringify(place)));
  const filter = (result) =>
    outcomes.includes(labelOf(result, "outcome")) &&
    !controls.includes(labelOf(result, "board")) &&
    !places.has(placeOf(result));
  return { filter, [id]: most };
});

const environments = Object.fromEntries(
  told.boards.map((board, number) => [
    `board-${number + 1}`,
    { name: board, matcher: ({ labels }) => labels.some(({ name, value }) => name === "board" && value === board) },
  ]),
);

const charts = [
  { type: "statusDynamics", title: "Tests, run by run" },
  { type: "currentStatus", title: "Tests of this run" },
  { type: "problemsDistribution", by: "environment", title: "Problems by board and suite" },
  { type: "statusTransitions", title: "What changed from run to run" },
  { type: "durationDynamics", title: "Duration, run by run" },
];

const config = await resolveConfig({
  name: told.name,
  output: told.output,
  appendHistory: false, // the bench keeps it
  ...(told.history ? { historyPath: told.history } : {}),
  categories: told.categories,
  environments,
  // What a page of one test need not show: it is in the path above, or in no reader's question.
  hideLabels: ["subSuite", "host", "thread", "framework", "language", "package", "simulated", "epic", "feature", "story"],
  qualityGate: {
    use: [verdictRule, plannedRule, ...limitRules],
    rules: [{ [verdictRule.rule]: told.verdict, [plannedRule.rule]: told.planned }, ...limits],
  },
  plugins: {
    awesome: {
      options: { singleFile: told.singleFile, groupBy: ["suite"], reportLanguage: "en", charts, filter: counts },
    },
  },
});
const report = new AllureReport(config);
await report.start();
await report.readDirectory(told.results);
const trs = await report.store.allTestResults({ includeRetries: false, filter: counts });
const { results } = await report.validate({ trs });
report.realtimeDispatcher.sendQualityGateResults(results);
await report.done();
