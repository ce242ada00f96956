using System;
using System.Collections.Generic;
using UnityEngine;
using UnityEngine.EventSystems;
using UnityEngine.UI;

namespace Spark.VisualNovel
{
    /// <summary>The text box, the name plate and the choices. Built in code, so that the scene holds no fragile hierarchy.</summary>
    public sealed class DialogueUi : MonoBehaviour
    {
        [SerializeField] private Vector2 referenceResolution = new Vector2(960f, 540f);
        [SerializeField] private Color boxColour = new Color(0.07f, 0.06f, 0.13f, 0.86f);
        [SerializeField] private Color nameColour = new Color(1f, 0.82f, 0.45f);

        private readonly List<Button> buttons = new List<Button>();
        private readonly List<Text> buttonTexts = new List<Text>();
        private Font font;
        private Text nameText;
        private Text lineText;
        private TypewriterEffect typewriter;
        private RectTransform choiceList;
        private Action<int> onChosen;

        /// <summary>How much of the line is shown, from 0 to 1.</summary>
        public float Shown
        {
            get => typewriter.Fraction;
            set => typewriter.Fraction = value;
        }

        public void ShowLine(string speaker, string text)
        {
            nameText.text = speaker ?? string.Empty;
            lineText.text = text;
            typewriter.Fraction = 0f;
        }

        /// <summary>Offers choices; the callback gets the place of the chosen one in the list.</summary>
        public void ShowChoices(IReadOnlyList<string> texts, Action<int> chosen)
        {
            onChosen = chosen;
            while (buttons.Count < texts.Count) AddButton();
            for (int i = 0; i < buttons.Count; i++)
            {
                bool used = i < texts.Count;
                buttons[i].gameObject.SetActive(used);
                if (used) buttonTexts[i].text = texts[i];
            }

            choiceList.gameObject.SetActive(true);
            // The keyboard and the gamepad begin at the first choice.
            EventSystem.current.SetSelectedGameObject(buttons[0].gameObject);
        }

        public void HideChoices()
        {
            choiceList.gameObject.SetActive(false);
            EventSystem.current.SetSelectedGameObject(null);
        }

        private void Awake()
        {
            font = DefaultFont();
            var canvas = gameObject.AddComponent<Canvas>();
            canvas.renderMode = RenderMode.ScreenSpaceOverlay;
            var scaler = gameObject.AddComponent<CanvasScaler>();
            scaler.uiScaleMode = CanvasScaler.ScaleMode.ScaleWithScreenSize;
            scaler.referenceResolution = referenceResolution;
            gameObject.AddComponent<GraphicRaycaster>();
            if (EventSystem.current == null) new GameObject("EventSystem", typeof(EventSystem), typeof(StandaloneInputModule));

            RectTransform box = AddArea("Box", transform, new Vector2(0.04f, 0.04f), new Vector2(0.96f, 0.32f));
            box.gameObject.AddComponent<Image>().color = boxColour;
            nameText = AddText(AddArea("Name", box, new Vector2(0.03f, 0.72f), new Vector2(0.97f, 0.96f)), 22, TextAnchor.MiddleLeft);
            nameText.color = nameColour;
            lineText = AddText(AddArea("Line", box, new Vector2(0.03f, 0.06f), new Vector2(0.97f, 0.7f)), 22, TextAnchor.UpperLeft);
            typewriter = lineText.gameObject.AddComponent<TypewriterEffect>();

            choiceList = AddArea("Choices", transform, new Vector2(0.2f, 0.36f), new Vector2(0.8f, 0.9f));
            var layout = choiceList.gameObject.AddComponent<VerticalLayoutGroup>();
            layout.spacing = 10f;
            layout.childAlignment = TextAnchor.MiddleCenter;
            layout.childForceExpandHeight = false;
            choiceList.gameObject.SetActive(false);
        }

        private void AddButton()
        {
            int index = buttons.Count;
            RectTransform area = AddArea("Choice " + index, choiceList, Vector2.zero, Vector2.one);
            area.gameObject.AddComponent<LayoutElement>().preferredHeight = 48f;
            area.gameObject.AddComponent<Image>().color = boxColour;
            var button = area.gameObject.AddComponent<Button>();
            ColorBlock colours = button.colors;
            colours.highlightedColor = colours.selectedColor = new Color(1.6f, 1.5f, 2.2f, 1f);
            button.colors = colours;
            button.onClick.AddListener(() => onChosen?.Invoke(index));
            buttons.Add(button);
            buttonTexts.Add(AddText(AddArea("Text", area, Vector2.zero, Vector2.one), 20, TextAnchor.MiddleCenter));
        }

        private Text AddText(RectTransform area, int size, TextAnchor anchor)
        {
            var text = area.gameObject.AddComponent<Text>();
            text.font = font;
            text.fontSize = size;
            text.alignment = anchor;
            text.color = Color.white;
            text.raycastTarget = false;
            text.supportRichText = false;
            return text;
        }

        private static RectTransform AddArea(string label, Transform parent, Vector2 from, Vector2 to)
        {
            var area = (RectTransform)new GameObject(label, typeof(RectTransform)).transform;
            area.SetParent(parent, false);
            area.anchorMin = from;
            area.anchorMax = to;
            area.offsetMin = Vector2.zero;
            area.offsetMax = Vector2.zero;
            return area;
        }

        private static Font DefaultFont()
        {
#if UNITY_2022_2_OR_NEWER
            return Resources.GetBuiltinResource<Font>("LegacyRuntime.ttf");
#else
            return Resources.GetBuiltinResource<Font>("Arial.ttf");
#endif
        }
    }
}
