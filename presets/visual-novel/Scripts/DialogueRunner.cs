using System.Collections;
using System.Collections.Generic;
using UnityEngine;

namespace Spark.VisualNovel
{
    /// <summary>
    /// Tells the story: places the characters, types line after line, offers choices and remembers what came of them. Submit, Jump
    /// or a click goes on (or completes the line being typed); F5 saves, F9 goes back to what was saved.
    /// </summary>
    public sealed class DialogueRunner : MonoBehaviour
    {
        private const int QuickSlot = 0;

        [SerializeField] private TextAsset story;
        [SerializeField] private DialogueUi ui;
        [SerializeField] private CharacterStage stage;
        [SerializeField] private SceneTransition transition;
        [SerializeField] private SpriteRenderer backdrop;
        [SerializeField] private NamedBackground[] backgrounds;
        [SerializeField, Min(1f)] private float lettersPerSecond = 45f;

        private readonly List<DialogueChoice> offered = new List<DialogueChoice>();
        private readonly List<string> offeredTexts = new List<string>();
        private DialogueGraph graph;
        private StoryState state;
        private string shownBackground;
        private int chosen;

        private void Start()
        {
            graph = DialogueGraph.FromJson(story.text);
            Begin(NewGame());
        }

        private void Update()
        {
            if (Input.GetKeyDown(KeyCode.F5)) SaveSystem.Save(QuickSlot, state);
            if (Input.GetKeyDown(KeyCode.F9) && SaveSystem.TryLoad(QuickSlot, out StoryState saved) && graph.Find(saved.nodeId) != null) Begin(saved);
        }

        private StoryState NewGame()
        {
            var fresh = new StoryState();
            fresh.GoTo(graph.Start);
            return fresh;
        }

        private void Begin(StoryState from)
        {
            // All of them: a fade or a line being typed is a coroutine inside the one that tells the story.
            StopAllCoroutines();
            ui.HideChoices();
            state = from;
            shownBackground = null;
            StartCoroutine(Tell());
        }

        private IEnumerator Tell()
        {
            for (DialogueNode node = graph.Find(state.nodeId); node != null; node = graph.Find(state.nodeId))
            {
                yield return Enter(node);
                while (node.lines != null && state.lineIndex < node.lines.Length)
                {
                    yield return Say(node.lines[state.lineIndex]);
                    state.lineIndex++;
                }

                if (node.HasChoices) yield return Choose(node);
                else state.GoTo(node.next);
            }

            ui.ShowLine(string.Empty, "The end. Go on to begin again.");
            yield return Type(30);
            yield return WaitForAdvance();
            Begin(NewGame());
        }

        private IEnumerator Enter(DialogueNode node)
        {
            bool moves = !string.IsNullOrEmpty(node.background) && node.background != shownBackground;
            if (!moves)
            {
                stage.Place(node.left, node.right);
                yield break;
            }

            shownBackground = node.background;
            ui.ShowLine(string.Empty, string.Empty);
            yield return transition.Run(() =>
            {
                backdrop.sprite = FindBackground(node.background);
                stage.Place(node.left, node.right);
            });
        }

        private IEnumerator Say(DialogueLine line)
        {
            stage.Speak(line.speaker, line.pose);
            ui.ShowLine(line.speaker, line.text);
            yield return Type(line.text.Length);
            yield return WaitForAdvance();
        }

        private IEnumerator Type(int letters)
        {
            float perLetter = 1f / Mathf.Max(1, letters);
            for (float shown = 0f; shown < 1f; shown += Time.deltaTime * lettersPerSecond * perLetter)
            {
                ui.Shown = shown;
                yield return null;
                if (AdvancePressed()) break;
            }

            ui.Shown = 1f;
        }

        private static IEnumerator WaitForAdvance()
        {
            // The press that completed the line must not turn the page too.
            yield return null;
            while (!AdvancePressed()) yield return null;
        }

        private IEnumerator Choose(DialogueNode node)
        {
            offered.Clear();
            offeredTexts.Clear();
            foreach (DialogueChoice choice in node.choices)
            {
                if (!choice.IsOffered(state)) continue;
                offered.Add(choice);
                offeredTexts.Add(choice.text);
            }

            if (offered.Count == 0)
            {
                Debug.LogWarning("No choice of '" + node.id + "' is open; the story ends there.", this);
                state.GoTo(null);
                yield break;
            }

            chosen = -1;
            ui.ShowChoices(offeredTexts, index => chosen = index);
            while (chosen < 0) yield return null;
            ui.HideChoices();
            DialogueChoice taken = offered[chosen];
            if (taken.effects != null)
                foreach (DialogueEffect effect in taken.effects) effect.ApplyTo(state);
            state.GoTo(taken.next);
        }

        private static bool AdvancePressed()
        {
            return Input.GetButtonDown("Submit") || Input.GetButtonDown("Jump") || Input.GetMouseButtonDown(0);
        }

        private Sprite FindBackground(string label)
        {
            foreach (NamedBackground each in backgrounds)
                if (each.Label == label) return each.Sprite;
            Debug.LogWarning("No background is called '" + label + "'.", this);
            return backdrop.sprite;
        }
    }
}
